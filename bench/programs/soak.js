// Keeps one watch open, and makes calls and short watches until its end. It sends each list of the watch to its parent,
// and answers each message with what it holds when all calls and short watches have ended.
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { resolveApiserverAddresses, watchApiserverAddresses } from '../../dist/index.js'

const { values } = parseArgs({
  options: { where: { type: 'string' }, 'call-every-ms': { type: 'string' }, 'watch-every-ms': { type: 'string' } },
})
const where = JSON.parse(values.where)
// All calls share one signal, as those of an application do. A call must not leave a listener on it.
const { signal } = new AbortController()
const running = new Set()
let paused = false
const counts = { calls: 0, watches: 0 }

/** A call that finds the list, one that is aborted, one that is too short, and one that waits in vain. */
const calls = [
  () => resolveApiserverAddresses({ ...where, signal }),
  () => resolveApiserverAddresses({ ...where, signal: AbortSignal.timeout(10) }),
  () => resolveApiserverAddresses({ ...where, signal, timeoutMs: 20 }),
  () => resolveApiserverAddresses({ ...where, signal, expect: ['192.0.2.1'], timeoutMs: 300 }),
]

/** A watch that is closed after its first list, and one that is aborted. */
const watches = [
  async () => {
    const watch = watchApiserverAddresses({ ...where, signal })
    await watch.next()
    await watch.return()
  },
  async () => {
    const watch = watchApiserverAddresses({ ...where, signal: AbortSignal.timeout(400) })
    while (!(await watch.next()).done);
  },
]

function start(kind, programs) {
  if (paused) return
  const ended = programs[counts[kind]++ % programs.length]().catch((error) => {
    // Some are meant to fail, but not because of a mistake in this file.
    if (error instanceof TypeError) throw error
  })
  running.add(ended)
  void ended.then(() => running.delete(ended))
}

const handles = () => process.getActiveResourcesInfo().toSorted()

async function sample() {
  paused = true
  await Promise.all(running)
  // The fewest handles of a second: a socket that was destroyed is closed in one of the next turns of the event loop.
  let fewest = handles()
  for (let turn = 0; turn < 50; turn++) {
    await sleep(20)
    const now = handles()
    if (now.length < fewest.length) fewest = now
  }
  globalThis.gc()
  const { heapUsed, rss } = process.memoryUsage()
  paused = false
  return { heapMb: heapUsed / 2 ** 20, rssMb: rss / 2 ** 20, handles: fewest, ...counts }
}

process.on('message', async () => process.send({ sample: await sample() }))
setInterval(start, Number(values['call-every-ms']), 'calls', calls)
setInterval(start, Number(values['watch-every-ms']), 'watches', watches)
for await (const { addresses } of watchApiserverAddresses({ ...where, shrinkDelayMs: 0 })) {
  process.send({ at: String(process.hrtime.bigint()), addresses })
}
