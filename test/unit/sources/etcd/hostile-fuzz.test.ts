import { describe, expect, test } from 'vitest'
import { connect } from '../../../../src/sources/etcd/connection.ts'
import type { Connection } from '../../../../src/sources/etcd/connection.ts'
import { Failure } from '../../../../src/sources/failure.ts'
import { endpointOf } from '../../../support/endpoint.ts'
import { forging, fuzzSeed, mutate } from '../../../support/fuzz.ts'
import { answer, created, frame, startHostileEtcd, writes } from '../../../support/hostile-etcd.ts'
import { expectNoLeaks } from '../../../support/no-leaks.ts'
import { SeededRandom } from '../../../support/random.ts'
import '../../../support/preload.ts'

expectNoLeaks()

const dice = new SeededRandom(fuzzSeed)

// As etcd 3.5.16 sent them: a range, and what a watch begins with and brings.
const recorded = {
  range:
    '000000005f0a1a08b298eaf1948386fccd0110cdd2918bd2b881cf8e0118022002123f0a11726b65322f6170696164647265737365731002180220012a245b2231302e302e302e31313a36343433222c2231302e302e302e31323a36343433225d0a2001',
  watch:
    '000000001e0a1a08b298eaf1948386fccd0110cdd2918bd2b881cf8e01180220021801' +
    '00000000700a1a08b298eaf1948386fccd0110cdd2918bd2b881cf8e01180320025a5212500a11726b65322f6170696164647265737365731002180320022a355b2231302e302e302e31313a36343433222c2231302e302e302e31323a36343433222c2231302e302e302e31333a36343433225d0a',
}

describe(
  `answers of a real etcd with up to four bytes or pieces wrong, of seed ${fuzzSeed}`,
  { timeout: 30_000 },
  () => {
    const spoiled = (hex: string) => {
      const good = Buffer.from(hex, 'hex')
      return () => {
        let bytes: Buffer = good
        for (let left = dice.upTo(5); left > 0; left--) {
          bytes = mutate(bytes, dice, [good, frame(created), Buffer.alloc(9, 0xff)])
        }
        return bytes
      }
    }
    /** One after the other, over one connection; a few such series at the same time. */
    async function rounds(
      count: number,
      endpoint: string,
      round: (connection: Connection, signal: AbortSignal) => Promise<unknown>,
    ) {
      const came = new Map<string, number>()
      const series = async () => {
        const connection = await connect({
          endpoint: endpointOf(endpoint),
          certificates: undefined,
          credentials: undefined,
        })
        for (let left = count / 20; left > 0; left--) {
          const controller = new AbortController()
          const timer = setTimeout(() => controller.abort('late'), 50)
          const end = await round(connection, controller.signal).then(
            () => 'reading',
            (error: unknown) =>
              error instanceof Failure ? (expect(error.message).not.toMatch(forging), error.reason) : String(error),
          )
          clearTimeout(timer)
          came.set(end, (came.get(end) ?? 0) + 1)
        }
        connection.close()
      }
      await Promise.all(Array.from({ length: 20 }, series))
      return came
    }
    const known = ['reading', 'late', 'unavailable', 'invalid-value', 'rejected']

    test('2,000 ranges', async () => {
      const next = spoiled(recorded.range)
      const endpoint = await startHostileEtcd({ onRange: (stream) => answer(next())(stream) })
      const came = await rounds(2000, endpoint, async (connection, signal) => {
        const reading = await connection.read('key', signal)
        expect(reading.revision > 0n && reading.modRevision >= 0n && reading.version !== undefined).toBe(true)
      })
      expect(known).toEqual(expect.arrayContaining([...came.keys()]))
      for (const end of ['reading', 'unavailable']) expect(came.get(end)).toBeGreaterThan(20)
    })

    test('1,000 watches', async () => {
      const next = spoiled(recorded.watch)
      const endpoint = await startHostileEtcd({ onWatch: (stream) => writes(next())(stream) })
      const came = await rounds(1000, endpoint, async (connection, signal) => {
        const watch = await connection.watch('key', 2n, signal)
        try {
          await watch.changed(signal)
          for (const change of watch.drain()) expect(change.modRevision > 0n && change.revision > 0n).toBe(true)
        } finally {
          watch.close()
        }
      })
      expect(known).toEqual(expect.arrayContaining([...came.keys()]))
      for (const end of ['reading', 'unavailable']) expect(came.get(end)).toBeGreaterThan(5)
    })
  },
)
