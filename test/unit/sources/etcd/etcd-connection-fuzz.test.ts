import { expect, test } from 'vitest'
import type { Connection } from '../../../../src/sources/connection.ts'
import { Failure } from '../../../../src/sources/failure.ts'
import { openConnection } from '../../../support/connection.ts'
import { forging, fuzzSeed, mutate } from '../../../support/fuzz.ts'
import { answer, created, frame, startHostileEtcd, writes } from '../../../support/hostile-etcd.ts'
import { expectNoLeaks } from '../../../support/no-leaks.ts'
import '../../../support/preload.ts'
import { SeededRandom } from '../../../support/random.ts'

expectNoLeaks()

const random = new SeededRandom(fuzzSeed)

/** Responses of etcd 3.5.16: to a range, and to a watch (created, and one event). */
const recorded = {
  range:
    '000000005f0a1a08b298eaf1948386fccd0110cdd2918bd2b881cf8e0118022002123f0a11726b65322f6170696164647265737365731002180220012a245b2231302e302e302e31313a36343433222c2231302e302e302e31323a36343433225d0a2001',
  watch:
    '000000001e0a1a08b298eaf1948386fccd0110cdd2918bd2b881cf8e01180220021801' +
    '00000000700a1a08b298eaf1948386fccd0110cdd2918bd2b881cf8e01180320025a5212500a11726b65322f6170696164647265737365731002180320022a355b2231302e302e302e31313a36343433222c2231302e302e302e31323a36343433222c2231302e302e302e31333a36343433225d0a',
}

/** Returns a function that returns the bytes with up to four faults, different ones each time. */
function damage(hex: string): () => Buffer {
  const valid = Buffer.from(hex, 'hex')
  return () => {
    let bytes: Buffer = valid
    for (let left = random.upTo(5); left > 0; left--) {
      bytes = mutate(bytes, random, [valid, frame(created), Buffer.alloc(9, 0xff)])
    }
    return bytes
  }
}

/** Makes calls over 20 connections, one after the other on each, and returns how often each outcome was seen. */
async function countOutcomes(
  calls: number,
  url: string,
  makeCall: (connection: Connection, signal: AbortSignal) => Promise<unknown>,
): Promise<Map<string, number>> {
  const counts = new Map<string, number>()
  const makeCalls = async (connection: Connection) => {
    for (let left = calls / 20; left > 0; left--) {
      const controller = new AbortController()
      // Many a damaged response leaves the call waiting. On a busy machine, a good one takes tens of milliseconds.
      const timer = setTimeout(() => controller.abort('aborted'), 200)
      const outcome = await makeCall(connection, controller.signal).then(
        () => 'success',
        (error: unknown) =>
          error instanceof Failure ? (expect(error.message).not.toMatch(forging), error.reason) : String(error),
      )
      clearTimeout(timer)
      counts.set(outcome, (counts.get(outcome) ?? 0) + 1)
    }
  }
  const connections = await Promise.all(Array.from({ length: 20 }, () => openConnection(url)))
  await Promise.all(connections.map(makeCalls))
  return counts
}
const knownOutcomes = ['success', 'aborted', 'unavailable', 'invalid-value', 'rejected']

test(`EtcdConnection.read returns a snapshot or a known failure for 2,000 damaged responses, with seed ${fuzzSeed}`, async () => {
  const next = damage(recorded.range)
  const url = await startHostileEtcd({ onRange: (stream) => answer(next())(stream) })
  const counts = await countOutcomes(2000, url, async (connection, signal) => {
    const snapshot = await connection.read(signal)
    expect(snapshot.revision > 0n && snapshot.modRevision >= 0n && snapshot.version !== undefined).toBe(true)
  })
  expect(knownOutcomes).toEqual(expect.arrayContaining([...counts.keys()]))
  for (const outcome of ['success', 'unavailable']) expect(counts.get(outcome)).toBeGreaterThan(20)
})

test(`EtcdConnection.watch returns changes or a known failure for 1,000 damaged responses, with seed ${fuzzSeed}`, async () => {
  const next = damage(recorded.watch)
  const url = await startHostileEtcd({ onWatch: (stream) => writes(next())(stream) })
  const counts = await countOutcomes(1000, url, async (connection, signal) => {
    const watch = await connection.watch(2n, signal)
    try {
      await watch.changed(signal)
      for (const change of watch.drain()) expect(change.modRevision > 0n && change.revision > 0n).toBe(true)
    } finally {
      watch.close()
    }
  })
  expect(knownOutcomes).toEqual(expect.arrayContaining([...counts.keys()]))
  for (const outcome of ['success', 'unavailable']) expect(counts.get(outcome)).toBeGreaterThan(5)
})
