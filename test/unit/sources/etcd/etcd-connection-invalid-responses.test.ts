import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import {
  answer,
  controlCharacters,
  frame,
  header,
  keyValue,
  megabytes,
  message,
  open,
  range,
  refusal,
  startHostileEtcd,
} from '../../../support/hostile-etcd.ts'
import type { Answer } from '../../../support/hostile-http2.ts'
import { bounded, outcome } from '../../../support/hostile-outcome.ts'
import { expectNoLeaks } from '../../../support/no-leaks.ts'
import '../../../support/preload.ts'

expectNoLeaks()

const list = '10.0.0.11:6443'

/** Responses to a read, with the result of a call of two attempts: a list, or the reason of its error. */
const responses: Record<string, readonly [expected: string, Answer]> = {
  'the response of etcd': [list, answer(frame(range()))],
  'a message shorter than its length': ['unavailable', answer(frame(range().subarray(0, 20), { length: 100 }))],
  'half the head of a frame': ['unavailable', answer(Buffer.alloc(3))],
  'half a message': ['unavailable', answer(frame(range().subarray(0, 20)))],
  'no message': ['unavailable', answer(Buffer.alloc(0))],
  'an empty message': ['unavailable', answer(frame(Buffer.alloc(0)))],
  'two messages': ['timeout', answer(Buffer.concat([frame(range()), frame(range())]))],
  'a message with the compressed flag and no encoding': ['unavailable', answer(frame(range(), { flag: 1 }))],
  'an unknown compression flag': [list, answer(frame(range(), { flag: 7 }))],
  'an unknown compression': [
    'unavailable',
    answer(frame(range(), { flag: 1 }), { headers: { 'grpc-encoding': 'magic' } }),
  ],
  'a gzip message': [list, answer(frame(gzipSync(range()), { flag: 1 }), { headers: { 'grpc-encoding': 'gzip' } })],
  'a gzip message that is not compressed': [
    'unavailable',
    answer(frame(range(), { flag: 1 }), { headers: { 'grpc-encoding': 'gzip' } }),
  ],
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
  'a revision that is a string': ['unavailable', answer(frame(message([1, message([3, 'abc'])], [2, keyValue()])))],
  'unknown fields': [list, answer(frame(Buffer.concat([range(), message([99, 'x'], [1000, 5n])])))],
  'no header': ['unavailable', answer(frame(message([2, keyValue()])))],
  'an empty header': ['unavailable', answer(frame(message([1, ''], [2, keyValue()])))],
  'revision 0': ['unavailable', answer(frame(range({}, 0n)))],
  'revision -1': ['unavailable', answer(frame(range({}, -1n)))],
  'revision 2^63-1': [list, answer(frame(range({}, 2n ** 63n - 1n)))],
  'a key with revision 0': ['unavailable', answer(frame(range({ modRevision: 0n })))],
  'a key with revision -1': ['unavailable', answer(frame(range({ modRevision: -1n })))],
  'a key whose revision is newer than the store': [list, answer(frame(range({ modRevision: 99n })))],
  '20,000 keys': [
    list,
    answer(frame(message([1, header()], ...Array.from({ length: 20_000 }, () => [2, keyValue()] as const)))),
  ],
  'status -1': ['rejected', refusal('-1', 'x')],
  'status 17': ['rejected', refusal('17', 'x')],
  'status 99999999999': ['rejected', refusal('99999999999', 'x')],
  'status abc': ['rejected', refusal('abc', 'x')],
  'an empty status': ['unavailable', refusal('', 'x')],
  'a status text with control characters': ['rejected', refusal('3', encodeURI(controlCharacters))],
  'a status text with invalid percent-encoding': ['rejected', refusal('3', '%%%zz%1%ff')],
  'a status text of 20,000 spaces': ['unavailable', refusal('13', '%20'.repeat(20_000))],
  '1 MiB of metadata': ['unavailable', refusal('13', 'x', { 'x-large': megabytes(1) })],
  'invalid binary metadata': ['unavailable', refusal('13', 'x', { 'x-bin': '!', 'grpc-status-details-bin': '@' })],
  'an HTML page': [
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
  'a GOAWAY for too many pings': [
    'unavailable',
    (stream) => stream.session?.goaway(11, 0, Buffer.from('too_many_pings')),
  ],
  'a closed connection': ['unreachable', (stream) => stream.session?.destroy()],
}

const rows = Object.entries(responses).map(([name, [expected, onRange]]) => [expected, name, onRange] as const)

test.each(rows)('resolve ends with %s when its read gets %s', (expected, _name, onRange) =>
  bounded(async () => {
    const attemptTimeoutMs = expected === 'timeout' ? 500 : 20_000
    const retry = { maxAttempts: 2, initialDelayMs: 1 }
    expect(await outcome(await startHostileEtcd({ onRange }), { attemptTimeoutMs, retry })).toBe(expected)
  }),
)
