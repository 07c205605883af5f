// What every peer has in common: the command line, and one JSON line when it waits and one when it knows.
import { parseArgs } from 'node:util'

/** CLOCK_MONOTONIC: the same for all processes of a machine. */
const now = () => String(process.hrtime.bigint())
const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`)

/**
 * Runs `wait` as often at once as `--waiters` says. It gets the endpoint and the key, calls `waiting()` when it has seen
 * that there is no value yet, and resolves with the value as text.
 */
export async function run(wait) {
  const { values } = parseArgs({
    options: {
      endpoints: { type: 'string', default: 'http://127.0.0.1:2379' },
      key: { type: 'string', default: 'rke2/apiaddresses' },
      waiters: { type: 'string', default: '1' },
    },
  })
  const waiters = Number(values.waiters)
  let waiting = 0
  const waiter = async () => {
    let told = false
    const value = await wait({
      endpoint: values.endpoints.split(',')[0],
      key: values.key,
      waiting() {
        if (told) return
        told = true
        if (++waiting === waiters) say({ state: 'waiting', at: now() })
      },
    })
    if (value === undefined) throw new Error('it gave nothing')
    return now()
  }
  const at = await Promise.all(Array.from({ length: waiters }, waiter))
  say({ state: 'known', at })
  process.exit()
}

/** The list in a stored value; `undefined` while there is none. */
export function list(value) {
  const addresses = value ? JSON.parse(value) : undefined
  return addresses?.length > 0 ? addresses : undefined
}
