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

type OnConnection = Parameters<typeof startHostileServer>[0]
/** Sends bytes every 2 ms until the connection is closed. */
const every =
  (bytes: () => Uint8Array): OnConnection =>
  (socket) => {
    const timer = setInterval(() => socket.write(bytes()), 2)
    socket.on('close', () => clearInterval(timer))
  }
const thousand = (bytes: Uint8Array) => Buffer.concat(Array.from({ length: 1000 }, () => bytes))
const random = new SeededRandom(fuzzSeed)
/** HTTP/2 frames and bytes that are sent again and again. */
const frames: Record<string, OnConnection> = {
  'SETTINGS frames': every(() => thousand(http2Frame(4))),
  'PING frames': every(() => thousand(http2Frame(6, { bytes: Buffer.alloc(8) }))),
  'RST_STREAM frames': every(() => thousand(http2Frame(3, { id: 1, bytes: Buffer.alloc(4) }))),
  'GOAWAY frames': every(() => thousand(http2Frame(7, { bytes: Buffer.from('7fffffff00000000', 'hex') }))),
  'header continuations': (socket) => {
    socket.write(http2Frame(1, { id: 1, bytes: Buffer.from([0x88]) }))
    every(() => http2Frame(9, { id: 1, bytes: Buffer.alloc(8000, 0x61) }))(socket)
  },
  'frames of 16 MiB': every(() => Buffer.concat([Buffer.from('ffffff000000000001', 'hex'), Buffer.alloc(60_000)])),
  'window updates that overflow': every(() => http2Frame(8, { bytes: Buffer.from('7fffffff', 'hex') })),
  'settings that allow no stream': every(() => http2Frame(4, { bytes: Buffer.from('000300000000', 'hex') })),
  'settings without a window': every(() => http2Frame(4, { bytes: Buffer.from('000400000000', 'hex') })),
  'random bytes': every(() => random.bytes(1000)),
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

test.each(Object.entries(frames))(
  `resolve ends with a known reason in a flood of %s below gRPC, with seed ${fuzzSeed}`,
  (_name, onConnection) =>
    bounded(async () => {
      const reason = await outcome(await startHostileServer(onConnection), { timeoutMs: 500 })
      expect(['timeout', 'unavailable', 'unreachable', 'rejected']).toContain(reason)
    }),
)
