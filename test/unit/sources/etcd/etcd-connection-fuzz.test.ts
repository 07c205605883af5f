import { expect, test } from 'vitest'
import { openConnection } from '../../../support/connection.ts'
import { countOutcomes, damage, fuzzSeed } from '../../../support/fuzz.ts'
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

/** Responses with up to four faults. */
function damaged(hex: string): () => Buffer {
  const valid = Buffer.from(hex, 'hex')
  return damage(valid, random, [valid, frame(created), Buffer.alloc(9, 0xff)])
}

/** On a busy machine, a good response takes tens of milliseconds. */
const timeoutMs = 200
const openConnections = (url: string) => Promise.all(Array.from({ length: 20 }, () => openConnection(url)))
const knownOutcomes = ['success', 'aborted', 'unavailable', 'invalid-value', 'rejected']

test(`EtcdConnection.read returns a snapshot or a known failure for 2,000 damaged responses, with seed ${fuzzSeed}`, async () => {
  const next = damaged(recorded.range)
  const url = await startHostileEtcd({ onRange: (stream) => answer(next())(stream) })
  const counts = await countOutcomes(2000, timeoutMs, await openConnections(url), async (connection, signal) => {
    const snapshot = await connection.read(signal)
    expect(snapshot.revision > 0n && snapshot.modRevision >= 0n && snapshot.version !== undefined).toBe(true)
  })
  expect(knownOutcomes).toEqual(expect.arrayContaining([...counts.keys()]))
  for (const outcome of ['success', 'unavailable']) expect(counts.get(outcome)).toBeGreaterThan(20)
})

test(`EtcdConnection.watch returns changes or a known failure for 1,000 damaged responses, with seed ${fuzzSeed}`, async () => {
  const next = damaged(recorded.watch)
  const url = await startHostileEtcd({ onWatch: (stream) => writes(next())(stream) })
  const counts = await countOutcomes(1000, timeoutMs, await openConnections(url), async (connection, signal) => {
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
