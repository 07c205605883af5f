// A reader of the watch who takes 50 ms for each list. An address that is gone leaves at once.
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
