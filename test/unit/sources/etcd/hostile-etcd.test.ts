import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { watchApiserverAddresses } from '../../../../src/index.ts'
import {
  answer,
  created,
  emptyList,
  event,
  frame,
  header,
  keyValue,
  message,
  open,
  range,
  refusal,
  startHostileEtcd,
  writes,
} from '../../../support/hostile-etcd.ts'
import type { Answer, Field } from '../../../support/hostile-etcd.ts'
import { all, bounded, expectTexts, outcome } from '../../../support/hostile-outcome.ts'
import { expectNoLeaks } from '../../../support/no-leaks.ts'
import '../../../support/preload.ts'
import { Recorder } from '../../../support/recorder.ts'

expectNoLeaks()

const megabytes = (count: number, text = 'a') => text.repeat((count << 20) / text.length)
const ansi = '\x1b[2J\r\n{"level":"info","msg":"forged"}\x9b7m\u2028\u202e\u{e0001}'
const one = '10.0.0.11:6443'
const two = '10.0.0.12:6443'
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
      outcome(await startHostileEtcd({ onRange: emptyList, onWatch }), { timeoutMs: says === two ? 20_000 : 1000 }),
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
