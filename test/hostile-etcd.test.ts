import { monitorEventLoopDelay } from 'node:perf_hooks'
import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { connect } from '../src/etcd/connection.ts'
import type { Connection } from '../src/etcd/connection.ts'
import { ApiserverAddressError, resolveApiserverAddresses, watchApiserverAddresses } from '../src/index.ts'
import type { WatchOptions } from '../src/index.ts'
import { Failure } from '../src/reasons.ts'
import { Dice } from './support/dice.ts'
import { expectNoLeaks } from './support/faults.ts'
import { forging, fuzzSeed, mutate } from './support/fuzz.ts'
import { memoryInUse } from './support/heap.ts'
import {
  answer,
  created,
  endlessly,
  event,
  frame,
  header,
  http2Frame,
  keyValue,
  message,
  open,
  range,
  refusal,
  startHostileEtcd,
  startHostileServer,
} from './support/hostile-etcd.ts'
import type { Answer, Field } from './support/hostile-etcd.ts'
import './support/preload.ts'
import { Recorder } from './support/recorder.ts'

expectNoLeaks()

const megabytes = (count: number, text = 'a') => text.repeat((count << 20) / text.length)
const ansi = '\x1b[2J\r\n{"level":"info","msg":"forged"}\x9b7m\u2028\u202e\u{e0001}'
const one = '10.0.0.11:6443'
const two = '10.0.0.12:6443'
const writes =
  (...frames: readonly Uint8Array[]): Answer =>
  (stream) => {
    open(stream)
    for (const bytes of frames) stream.write(bytes)
  }
/** An event of a second list, which a watch waits for. */
const news = frame(event({ value: `["${two}"]`, modRevision: 11n }))
const cancelled = (...fields: readonly Field[]) => frame(message([1, header()], [4, 1n], ...fields))

/** What a call says to each answer to its read, in two attempts: a list, or its error's reason. */
const answers: Record<string, readonly [says: string, Answer]> = {
  'as etcd answers': [one, answer(frame(range()))],
  'a message shorter than its length': ['unavailable', answer(frame(range().subarray(0, 20), { length: 100 }))],
  'half the head of a frame': ['unavailable', answer(Buffer.alloc(3))],
  'half a message': ['unavailable', answer(frame(range().subarray(0, 20)))],
  'no message': ['unavailable', answer(Buffer.alloc(0))],
  'an empty message': ['unavailable', answer(frame(Buffer.alloc(0)))],
  'two messages': ['timeout', answer(Buffer.concat([frame(range()), frame(range())]))],
  'a message that says it is compressed': ['unavailable', answer(frame(range(), { flag: 1 }))],
  'a flag that nobody knows': [one, answer(frame(range(), { flag: 7 }))],
  'a compression that nobody knows': [
    'unavailable',
    answer(frame(range(), { flag: 1 }), { headers: { 'grpc-encoding': 'magic' } }),
  ],
  gzip: [one, answer(frame(gzipSync(range()), { flag: 1 }), { headers: { 'grpc-encoding': 'gzip' } })],
  'gzip of nothing': ['unavailable', answer(frame(range(), { flag: 1 }), { headers: { 'grpc-encoding': 'gzip' } })],
  '64 MiB in 64 kB of gzip': [
    'unavailable',
    answer(frame(gzipSync(megabytes(64)), { flag: 1 }), { headers: { 'grpc-encoding': 'gzip' } }),
  ],
  'a length of 4 GiB': ['invalid-value', answer(frame(range(), { length: 2 ** 32 - 1 }))],
  'a value of 64 MiB': ['invalid-value', answer(frame(range({ value: megabytes(64) })))],
  'a value of 3 MiB': ['invalid-value', answer(frame(range({ value: megabytes(3) })))],
  'a header that is a number': ['unavailable', answer(frame(message([1, 5n], [2, keyValue()])))],
  'a list of keys that is a number': ['unavailable', answer(frame(message([1, header()], [2, 5n])))],
  'a value that is a number': [
    'unavailable',
    answer(frame(message([1, header()], [2, message([1, 'key'], [3, 7n], [5, 7n])]))),
  ],
  'a revision that is a text': ['unavailable', answer(frame(message([1, message([3, 'abc'])], [2, keyValue()])))],
  'fields that nobody knows': [one, answer(frame(Buffer.concat([range(), message([99, 'x'], [1000, 5n])])))],
  'no header': ['unavailable', answer(frame(message([2, keyValue()])))],
  'an empty header': ['unavailable', answer(frame(message([1, ''], [2, keyValue()])))],
  'revision 0': ['unavailable', answer(frame(range({}, 0n)))],
  'revision -1': ['unavailable', answer(frame(range({}, -1n)))],
  'revision 2^63-1': [one, answer(frame(range({}, 2n ** 63n - 1n)))],
  'a key of revision 0': ['unavailable', answer(frame(range({ modRevision: 0n })))],
  'a key of revision -1': ['unavailable', answer(frame(range({ modRevision: -1n })))],
  'a key newer than the store': [one, answer(frame(range({ modRevision: 99n })))],
  '20,000 keys': [
    one,
    answer(frame(message([1, header()], ...Array.from({ length: 20_000 }, () => [2, keyValue()] as const)))),
  ],
  'status -1': ['rejected', refusal('-1', 'x')],
  'status 17': ['rejected', refusal('17', 'x')],
  'status 99999999999': ['rejected', refusal('99999999999', 'x')],
  'status abc': ['rejected', refusal('abc', 'x')],
  'an empty status': ['unavailable', refusal('', 'x')],
  'a text that forges lines': ['rejected', refusal('3', encodeURI(ansi))],
  'a text of wrong percents': ['rejected', refusal('3', '%%%zz%1%ff')],
  'a text of 20,000 spaces': ['unavailable', refusal('13', '%20'.repeat(20_000))],
  '1 MiB of metadata': ['unavailable', refusal('13', 'x', { 'x-large': megabytes(1) })],
  'binary metadata that is none': ['unavailable', refusal('13', 'x', { 'x-bin': '!', 'grpc-status-details-bin': '@' })],
  'a page': [
    'invalid-value',
    (stream) => {
      stream.respond({ ':status': 200, 'content-type': 'text/html' })
      stream.end('<html>')
    },
  ],
  ...Object.fromEntries(
    [0, 1, 2, 3, 5, 6, 8, 9, 10, 11, 13, 65_535].map((code) => [
      `a reset with code ${code}`,
      ['unavailable', (stream) => stream.close(code)] as const,
    ]),
  ),
  'a reset with code 7': ['unreachable', (stream) => stream.close(7)],
  'a reset with code 12': ['rejected', (stream) => stream.close(12)],
  'a reset after the headers': ['unavailable', (stream) => (open(stream), void setImmediate(() => stream.close(2)))],
  'a GOAWAY': ['timeout', (stream) => stream.session?.goaway(0)],
  'a GOAWAY as to one who pings too much': [
    'unavailable',
    (stream) => stream.session?.goaway(11, 0, Buffer.from('too_many_pings')),
  ],
  'a connection that is cut': ['unreachable', (stream) => stream.session?.destroy()],
}

/** What becomes of a list on a watch like this: in a call that waits for a list, and in a watch that has one. */
const streams: Record<string, readonly [call: string, watch: readonly string[], Answer]> = {
  'as etcd answers': [two, [one, two], writes(frame(created), news)],
  'an event before it is created': [two, [one, two], writes(news, frame(created))],
  'an event, and never created': ['not-set', [one], writes(news)],
  'created twice': [two, [one, two], writes(frame(created), frame(created), news)],
  'created without header': [two, [one, two], writes(frame(message([3, 1n])), news)],
  'an event without header': [
    'not-set',
    [one],
    writes(frame(created), frame(message([11, message([2, keyValue({ modRevision: 11n })])]))),
  ],
  'an event without key': ['not-set', [one], writes(frame(created), frame(message([1, header()], [11, ''])))],
  'an event of revision -1': ['not-set', [one], writes(frame(created), frame(event({ modRevision: -1n })))],
  'an event of a type that nobody knows': [
    two,
    [one, two],
    writes(
      frame(created),
      frame(
        message([1, header(11n)], [11, message([1, 7n], [2, keyValue({ value: `["${two}"]`, modRevision: 11n })])]),
      ),
    ),
  ],
  'an event that is older than the list': [
    'not-set',
    [one],
    writes(frame(created), frame(event({ value: `["${two}"]`, modRevision: 2n }, 2n))),
  ],
  'cancelled, with a text that forges lines': ['not-set', [one], writes(frame(created), cancelled([6, ansi]))],
  'cancelled, with a text of 3 MiB': ['not-set', [one], writes(frame(created), cancelled([6, megabytes(3, ' ')]))],
  'cancelled, with a compaction that makes no sense': ['not-set', [one], writes(frame(created), cancelled([5, -1n]))],
  rubbish: ['not-set', [one], writes(frame(created), frame(Buffer.alloc(8, 0xff)))],
  'a length of 4 GiB': ['not-set', [one], writes(frame(created), frame(Buffer.alloc(1), { length: 2 ** 32 - 1 }))],
  'an end': ['not-set', [one], answer(frame(created))],
  'a refusal with a text that forges lines': ['not-set', [one], refusal('14', encodeURI(ansi))],
}

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
    endlessly(() => frame(event({ value: megabytes(1, ' '), modRevision: ++revision }, revision)), frame(created)),
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
const dice = new Dice(fuzzSeed)
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

/** The list or the reason that a call ends with; every text of it is checked. */
async function outcome(endpoints: string, options: WatchOptions, events = new Recorder()): Promise<string> {
  const given = { endpoints, key: 'key', attemptTimeoutMs: 900, events: events.emitter, ...options }
  const result = await resolveApiserverAddresses(given).then(
    (list) => (expect(list.revision).toMatch(/^[1-9]\d*$/), list.addresses.join()),
    (error: unknown) => {
      if (!(error instanceof ApiserverAddressError)) throw error
      return error.reason ?? error.message
    },
  )
  expectTexts(events)
  return result
}

function expectTexts(events: Recorder): void {
  for (const told of events.all) {
    const text = 'message' in told ? told.message : 'error' in told ? told.error.message : ''
    expect(text).not.toMatch(forging)
    expect(text.length).toBeLessThan(1000)
  }
}

/** Fails where the process (the server is in it, too) was kept busy for long, or keeps memory. */
async function bounded(what: () => Promise<void>): Promise<void> {
  const used = () => {
    const { heapUsed, external } = memoryInUse()
    return heapUsed + external
  }
  const before = used()
  const delay = monitorEventLoopDelay({ resolution: 10 })
  delay.enable()
  await what()
  delay.disable()
  expect(delay.max / 1e6).toBeLessThan(3000)
  await expect.poll(() => (used() - before) / 1e6, { timeout: 10_000 }).toBeLessThan(30)
}

/** The same for every row of a table, a few at a time; and what came of it, by name. */
async function all<Row, Came>(
  table: Record<string, Row>,
  come: (row: Row) => Promise<Came>,
): Promise<Record<string, Came>> {
  const came: Record<string, Came> = {}
  const left = Object.entries(table).values()
  const worker = async () => {
    for (const [name, row] of left) came[name] = await come(row)
  }
  await Promise.all(Array.from({ length: 8 }, worker))
  return came
}

const waiting = answer(frame(range({ value: '[]' })))

test(`${Object.keys(answers).length} answers to a read`, () =>
  bounded(async () => {
    const came = await all(answers, async ([says, onRange]) => {
      const attemptTimeoutMs = says === 'timeout' ? 500 : 20_000
      const retry = { maxAttempts: 2, initialDelayMs: 1 }
      return outcome(await startHostileEtcd({ onRange }), { attemptTimeoutMs, retry })
    })
    expect(came).toEqual(await all(answers, async ([says]) => says))
  }))

test(`${Object.keys(streams).length} streams in place of a watch, for a call that waits`, () =>
  bounded(async () => {
    const came = await all(streams, async ([says, , onWatch]) =>
      outcome(await startHostileEtcd({ onRange: waiting, onWatch }), { timeoutMs: says === two ? 20_000 : 1000 }),
    )
    expect(came).toEqual(await all(streams, async ([says]) => says))
  }))

test('the same streams, for a watch that has a list', () =>
  bounded(async () => {
    const came = await all(streams, async ([, expected, onWatch]) => {
      const events = new Recorder()
      const options = { key: 'key', events: events.emitter, shrinkDelayMs: 0, retry: { initialDelayMs: 10 } }
      const watch = watchApiserverAddresses({ endpoints: await startHostileEtcd({ onWatch }), ...options })
      const seen: string[] = []
      let timer: NodeJS.Timeout | undefined
      for await (const { addresses } of watch) {
        seen.push(addresses.join())
        if (seen.length > 1) break
        // Where nothing more is to come, half a second of it.
        if (expected.length === 1) timer = setTimeout(() => void watch.close(), 500)
      }
      clearTimeout(timer)
      expectTexts(events)
      return seen
    })
    expect(came).toEqual(await all(streams, async ([, seen]) => seen))
  }))

test.each(Object.entries(floods))('a flood of %s', (_name, [reads, says, flood]) =>
  bounded(async () => {
    const endpoint = await startHostileEtcd(
      reads === 'range' ? { onRange: flood } : { onRange: waiting, onWatch: flood },
    )
    const startedAt = performance.now()
    const events = new Recorder()
    expect(await outcome(endpoint, { timeoutMs: 1000 }, events)).toBe(says)
    expect(performance.now() - startedAt).toBeLessThan(4000)
    // At the pace of the backoff, and not at that of the flood.
    expect(events.of('attempt').length).toBeLessThan(20)
  }),
)

test(`${Object.keys(frames).length} floods below gRPC`, () =>
  bounded(async () => {
    const reasons = await all(frames, async (speak) => outcome(await startHostileServer(speak), { timeoutMs: 1000 }))
    for (const reason of Object.values(reasons))
      expect(['timeout', 'unavailable', 'unreachable', 'rejected']).toContain(reason)
  }))

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
        for (let left = dice.upTo(5); left > 0; left--)
          bytes = mutate(bytes, dice, [good, frame(created), Buffer.alloc(9, 0xff)])
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
        const connection = await connect({ endpoint, certificates: undefined, credentials: undefined })
        for (let left = count / 20; left > 0; left--) {
          const controller = new AbortController()
          const timer = setTimeout(() => controller.abort('late'), 20)
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
          for (const change of watch.take()) expect(change.modRevision > 0n && change.revision > 0n).toBe(true)
        } finally {
          watch.close()
        }
      })
      expect(known).toEqual(expect.arrayContaining([...came.keys()]))
      for (const end of ['reading', 'unavailable']) expect(came.get(end)).toBeGreaterThan(5)
    })
  },
)
