import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { resolveApiserverAddresses } from '../../../../src/index.ts'
import { startNode } from '../../../support/kubernetes/start.ts'

const calls = 1000

/** These need a turn of the event loop: what was just called, and the close of a file. */
const passing = new Set(['Immediate', 'CloseReq'])

/** Returns what keeps this process alive. */
const openHandles = () => process.getActiveResourcesInfo().filter((name) => !passing.has(name))

/** Returns the handles that were not open before. Those of the test runner may have been closed. */
function handlesSince(before: readonly string[]): string[] {
  const rest = [...before]
  return openHandles().filter((name) => {
    const index = rest.indexOf(name)
    if (index !== -1) rest.splice(index, 1)
    return index === -1
  })
}

/** Returns the handles that are still open after some turns of the event loop, in which both ends of a connection close. */
async function leakedHandles(before: readonly string[]): Promise<string[]> {
  for (let turn = 0; turn < 10_000 && handlesSince(before).length > 0; turn++) await nextTurn()
  return handlesSince(before)
}

test(`resolve from Kubernetes leaves no open handle after each of ${calls} calls`, { timeout: 180_000 }, async () => {
  const { apiserver, options } = await startNode()
  apiserver.store.set('10.0.0.1')
  const before = openHandles()
  for (let call = 0; call < calls; call++) {
    await resolveApiserverAddresses(options)
    expect(await leakedHandles(before)).toEqual([])
  }
  expect(apiserver.connections).toBe(calls)
})
