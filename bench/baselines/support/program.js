// The command line and the output that all programs of the folder above share.
import { parseArgs } from 'node:util'

const options = {
  endpoints: { type: 'string', default: 'http://127.0.0.1:2379' },
  key: { type: 'string', default: 'rke2/apiaddresses' },
  'data-dir': { type: 'string' },
  waiters: { type: 'string', default: '1' },
}

/** Returns CLOCK_MONOTONIC in nanoseconds, which is the same for all processes of a machine. */
const now = () => String(process.hrtime.bigint())
const print = (line) => process.stdout.write(`${JSON.stringify(line)}\n`)

/**
 * Starts `wait` as many times as `--waiters` says. Prints one JSON line when all of them wait, and one when all of them
 * have a value.
 *
 * `wait` gets the endpoint and the key or, for Kubernetes, the data directory of the node. It calls `waiting()` when it has
 * read the list and there was none, and resolves with the list as text.
 */
export async function run(wait) {
  const { values } = parseArgs({ options })
  const waiters = Number(values.waiters)
  let waiting = 0
  const waiter = async () => {
    let counted = false
    const value = await wait({
      endpoint: values.endpoints.split(',')[0],
      key: values.key,
      dataDir: values['data-dir'],
      waiting() {
        if (counted) return
        counted = true
        if (++waiting === waiters) print({ state: 'waiting', at: now() })
      },
    })
    if (value === undefined) throw new Error('the wait ended without a value')
    return now()
  }
  const at = await Promise.all(Array.from({ length: waiters }, waiter))
  print({ state: 'resolved', at })
  process.exit()
}

/** Returns the list in a stored value, or `undefined` if there is no value or its list is empty. */
export function parseList(value) {
  const addresses = value ? JSON.parse(value) : undefined
  return addresses?.length > 0 ? addresses : undefined
}
