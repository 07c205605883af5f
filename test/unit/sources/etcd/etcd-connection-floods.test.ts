import { expect, test } from 'vitest'
import { fuzzSeed } from '../../../support/fuzz.ts'
import {
  created,
  emptyList,
  endlessly,
  event,
  frame,
  header,
  keyValue,
  message,
  range,
  startHostileEtcd,
  startHostileServer,
} from '../../../support/hostile-etcd.ts'
import { frameFloods } from '../../../support/hostile-http2.ts'
import type { Answer } from '../../../support/hostile-http2.ts'
import { bounded, outcome } from '../../../support/hostile-outcome.ts'
import { expectNoLeaks } from '../../../support/no-leaks.ts'
import { SeededRandom } from '../../../support/random.ts'
import '../../../support/preload.ts'
import { Recorder } from '../../../support/recorder.ts'

expectNoLeaks()

let revision = 11n
/** Streams that never end, in place of a read or a watch, and the reason of the call that ends by its deadline. */
const floods: Record<string, readonly [method: 'range' | 'watch', reason: string, Answer]> = {
  'one message that never ends': [
    'range',
    'timeout',
    endlessly(() => Buffer.alloc(1000), frame(range(), { length: 4 << 20 })),
  ],
  'range responses': ['range', 'timeout', endlessly(() => frame(range()))],
  'created responses': ['watch', 'not-set', endlessly(() => frame(created))],
  'progress notifications': ['watch', 'not-set', endlessly(() => frame(message([1, header()])), frame(created))],
  'empty messages': ['watch', 'not-set', endlessly(() => frame(Buffer.alloc(0)), frame(created))],
  'old events': ['watch', 'not-set', endlessly(() => frame(event({ modRevision: 1n })), frame(created))],
  'empty lists': [
    'watch',
    'not-set',
    endlessly(() => frame(event({ value: '[]', modRevision: ++revision }, revision)), frame(created)),
  ],
  'values of 1 MiB': [
    'watch',
    'not-set',
    endlessly(() => frame(event({ value: ' '.repeat(1 << 20), modRevision: ++revision }, revision)), frame(created)),
  ],
  'fragments of one event': [
    'watch',
    'not-set',
    endlessly(
      () => frame(message([1, header(11n)], [7, 1n], [11, message([2, keyValue({ value: '[]', modRevision: 11n })])])),
      frame(created),
    ),
  ],
}

test.each(Object.entries(floods))('resolve ends by its deadline in a flood of %s', (_name, [method, reason, flood]) =>
  bounded(async () => {
    const endpoint = await startHostileEtcd(
      method === 'range' ? { onRange: flood } : { onRange: emptyList, onWatch: flood },
    )
    const events = new Recorder()
    expect(await outcome(endpoint, { timeoutMs: 1000 }, events)).toBe(reason)
    expect(events.of('failed')).toMatchObject([{ error: { code: 'DEADLINE_EXCEEDED' } }])
    // The backoff sets the pace of the attempts, and not the flood.
    expect(events.of('attempt').length).toBeLessThan(20)
  }),
)

test.each(Object.entries(frameFloods(new SeededRandom(fuzzSeed))))(
  `resolve ends with a known reason in a flood of %s below gRPC, with seed ${fuzzSeed}`,
  (_name, onConnection) =>
    bounded(async () => {
      const reason = await outcome(await startHostileServer(onConnection), { timeoutMs: 500 })
      expect(['timeout', 'unavailable', 'unreachable', 'rejected']).toContain(reason)
    }),
)
