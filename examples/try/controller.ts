import assert from 'node:assert/strict'
import { join } from 'node:path'
import { Run } from './run.ts'
import type { Scenario } from './try.ts'

const program = join(import.meta.dirname, '..', 'controller', 'controller.ts')

export const scenario: Scenario = async ({ env, apiservers, list }, say, signal) => {
  const [a, b, c] = apiservers
  await list(a, b)
  say('$ node controller.ts')
  await using run = new Run([process.execPath, program], { ...env, INTERVAL_MS: '100' }, signal)
  await run.until('server-1')
  assert(
    a.requests.includes('GET /api/v1/nodes') && !b.requests.includes('GET /api/v1/nodes'),
    'the first one is asked',
  )

  say(`${a.address} dies.`)
  await a.stop()
  await run.until('asking the next apiserver')
  await run.until('reconciled')
  assert(b.requests.includes('GET /api/v1/nodes'), 'the second one is asked')

  say(`${c.address} joins, and ${b.address} dies too.`)
  await list(a, b, c)
  await run.until(c.address)
  await b.stop()
  while (!c.requests.includes('GET /api/v1/nodes')) await run.until('reconciled')
  assert.equal(await run.stop(), 0)
}
