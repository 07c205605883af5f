// Reads a watch, and takes 50 ms for each list. With `shrinkDelayMs: 0`, a missing address is removed at once.
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { watchApiserverAddresses } from '../../dist/index.js'

const { values } = parseArgs({ options: { endpoints: { type: 'string' }, key: { type: 'string' } } })
for await (const { addresses } of watchApiserverAddresses({ ...values, shrinkDelayMs: 0 })) {
  const at = String(process.hrtime.bigint())
  globalThis.gc()
  process.stdout.write(`${JSON.stringify({ at, addresses, heap: process.memoryUsage().heapUsed })}\n`)
  await sleep(50)
}
