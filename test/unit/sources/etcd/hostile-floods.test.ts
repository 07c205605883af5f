import { expect, test } from 'vitest'
import { fuzzSeed } from '../../../support/fuzz.ts'
import {
  created,
  emptyList,
  endlessly,
  event,
  frame,
  header,
  http2Frame,
  keyValue,
  message,
  range,
  startHostileEtcd,
  startHostileServer,
} from '../../../support/hostile-etcd.ts'
import type { Answer } from '../../../support/hostile-etcd.ts'
import { all, bounded, outcome } from '../../../support/hostile-outcome.ts'
import { expectNoLeaks } from '../../../support/no-leaks.ts'
import { SeededRandom } from '../../../support/random.ts'
import '../../../support/preload.ts'
import { Recorder } from '../../../support/recorder.ts'

expectNoLeaks()

let revision = 11n
/** Streams without end, and what a call says that reads, or waits, when its time is over. */
const floods: Record<string, readonly [reads: 'range' | 'watch', says: string, Answer]> = {
  'a message that is never whole': [
    'range',
    'timeout',
    endlessly(() => Buffer.alloc(1000), frame(range(), { length: 4 << 20 })),
  ],
  answers: ['range', 'timeout', endlessly(() => frame(range()))],
  confirmations: ['watch', 'not-set', endlessly(() => frame(created))],
  progress: ['watch', 'not-set', endlessly(() => frame(message([1, header()])), frame(created))],
  'empty messages': ['watch', 'not-set', endlessly(() => frame(Buffer.alloc(0)), frame(created))],
  'old events': ['watch', 'not-set', endlessly(() => frame(event({ modRevision: 1n })), frame(created))],
  'blank values': [
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

type Speak = Parameters<typeof startHostileServer>[0]
const every =
  (bytes: () => Uint8Array): Speak =>
  (socket) => {
    const timer = setInterval(() => socket.write(bytes()), 2)
    socket.on('close', () => clearInterval(timer))
  }
const many = (bytes: Uint8Array) => Buffer.concat(Array.from({ length: 1000 }, () => bytes))
const dice = new SeededRandom(fuzzSeed)
/** What is sent below gRPC, again and again. */
const frames: Record<string, Speak> = {
  SETTINGS: every(() => many(http2Frame(4))),
  PING: every(() => many(http2Frame(6, { bytes: Buffer.alloc(8) }))),
  RST_STREAM: every(() => many(http2Frame(3, { id: 1, bytes: Buffer.alloc(4) }))),
  GOAWAY: every(() => many(http2Frame(7, { bytes: Buffer.from('7fffffff00000000', 'hex') }))),
  'headers without end': (socket) => {
    socket.write(http2Frame(1, { id: 1, bytes: Buffer.from([0x88]) }))
    every(() => http2Frame(9, { id: 1, bytes: Buffer.alloc(8000, 0x61) }))(socket)
  },
  'a frame of 16 MiB': every(() => Buffer.concat([Buffer.from('ffffff000000000001', 'hex'), Buffer.alloc(60_000)])),
  'windows that overflow': every(() => http2Frame(8, { bytes: Buffer.from('7fffffff', 'hex') })),
  'no stream allowed': every(() => http2Frame(4, { bytes: Buffer.from('000300000000', 'hex') })),
  'no window': every(() => http2Frame(4, { bytes: Buffer.from('000400000000', 'hex') })),
  'random bytes': every(() => dice.bytes(1000)),
}

test.each(Object.entries(floods))('a flood of %s', (_name, [reads, says, flood]) =>
  bounded(async () => {
    const endpoint = await startHostileEtcd(
      reads === 'range' ? { onRange: flood } : { onRange: emptyList, onWatch: flood },
    )
    const startedAt = performance.now()
    const events = new Recorder()
    expect(await outcome(endpoint, { timeoutMs: 1000 }, events)).toBe(says)
    expect(performance.now() - startedAt).toBeLessThan(4000)
    // At the pace of the backoff, and not at that of the flood.
    expect(events.of('attempt').length).toBeLessThan(20)
  }),
)

test(`${Object.keys(frames).length} floods below gRPC, of seed ${fuzzSeed}`, () =>
  bounded(async () => {
    const reasons = await all(frames, async (speak) => outcome(await startHostileServer(speak), { timeoutMs: 1000 }))
    for (const reason of Object.values(reasons)) {
      expect(['timeout', 'unavailable', 'unreachable', 'rejected']).toContain(reason)
    }
  }))
