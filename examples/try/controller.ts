import assert from 'node:assert/strict'
import { join } from 'node:path'
import { Run } from './run.ts'
import type { Scenario } from './try.ts'

const program = join(import.meta.dirname, '..', 'controller', 'controller.ts')
const nodesRequest = 'GET /api/v1/nodes'

export const scenario: Scenario = async ({ env, apiservers, list }, print, signal) => {
  const [a, b, c] = apiservers
  await list(a, b)
  print('$ node controller.ts')
  await using run = new Run([process.execPath, program], { ...env, INTERVAL_MS: '100' }, signal)
  // First the call finds them, and then the watch, whose probes must not see the stop below.
  await run.until('found 2 apiservers')
  await run.until('found 2 apiservers')
  await run.until('server-1')
  assert(
    a.requests.includes(nodesRequest) && !b.requests.includes(nodesRequest),
    'requests go to the first apiserver only',
  )

  print(`The apiserver ${a.address} stops.`)
  await a.stop()
  await run.until('trying the next apiserver')
  await run.until('reconciled')
  assert(b.requests.includes(nodesRequest), 'requests go to the second apiserver')

  print(`The apiserver ${c.address} joins, and ${b.address} stops.`)
  await list(a, b, c)
  await run.until(c.address)
  await b.stop()
  while (!c.requests.includes(nodesRequest)) await run.until('reconciled')
  assert.equal(await run.stop(), 0)
}
