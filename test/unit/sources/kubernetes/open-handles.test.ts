import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { resolveApiserverAddresses } from '../../../../src/index.ts'
import { startNode } from '../../../support/kubernetes/start.ts'

const calls = 1000

/** Returns what keeps this process alive, without the close of a file, which needs a turn of the event loop. */
function openHandles(): string[] {
  return process
    .getActiveResourcesInfo()
    .filter((name) => name !== 'CloseReq')
    .toSorted()
}

/** Returns the open handles when there are no more than `count`. Both ends of a connection close in a few turns. */
async function handlesWhenClosed(count: number): Promise<string[]> {
  for (let turn = 0; turn < 10_000 && openHandles().length > count; turn++) await nextTurn()
  return openHandles()
}

test(`resolve from Kubernetes leaves no open handle after each of ${calls} calls`, { timeout: 180_000 }, async () => {
  const { apiserver, options } = await startNode()
  apiserver.store.set('10.0.0.1')
  const before = openHandles()
  for (let call = 0; call < calls; call++) {
    await resolveApiserverAddresses(options)
    expect(await handlesWhenClosed(before.length)).toEqual(before)
  }
  expect(apiserver.connections).toBe(calls)
})
