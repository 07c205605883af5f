import { expect, test } from 'vitest'
import { createTextLogger } from '../../../src/command/text-logger.ts'
import type { Level } from '../../../src/command/value-types.ts'
import { createOutput } from '../../support/run-command.ts'

const waiting = 'waiting for etcd: etcd cannot be reached'

/** Returns what the logger writes for an entry. */
function written(fields: Record<string, unknown>, text = waiting, level?: Level, isJournal?: boolean): string {
  const stream = createOutput()
  createTextLogger(stream, level, isJournal).info(fields, text)
  return stream.text()
}

test('createTextLogger writes the message first, and then the fields', () => {
  expect(written({ reason: 'unreachable', elapsedMs: 250 })).toBe(`${waiting} reason=unreachable elapsedMs=250\n`)
})

test('createTextLogger leaves out what says nothing: the package, the key, the hint in the text, and empty values', () => {
  const fields = { name: 'rke2-apiserver-resolver', key: 'rke2/apiaddresses', hint: 'in the text', previous: undefined }
  expect(written({ ...fields, remainingMs: null, missing: [] })).toBe(`${waiting}\n`)
})

test('createTextLogger writes the endpoint as a field, so that the message fits into 80 columns', () => {
  const text = 'waiting for etcd: https://127.0.0.1:2379: etcd cannot be reached (connect ECONNREFUSED 127.0.0.1:2379)'
  const [message = '', fields] = written({ reason: 'unreachable' }, text).split(' endpoint=')
  expect(message).toBe('waiting for etcd: etcd cannot be reached (connect ECONNREFUSED 127.0.0.1:2379)')
  expect(message.length).toBeLessThanOrEqual(80)
  expect(fields).toBe('https://127.0.0.1:2379 reason=unreachable\n')
})

test('createTextLogger leaves a URL that is no endpoint in its place', () => {
  const text = 'set endpoints, such as https://10.0.0.1:2379'
  expect(written({}, text)).toBe(`${text}\n`)
})

test.each([
  ['a list', ['a:6443', '[fd00::1]:6443'], 'a:6443,[fd00::1]:6443'],
  ['an empty text', '', '""'],
  ['a text with spaces', 'a b', '"a b"'],
  ['a text with a quote', 'a"b', '"a\\"b"'],
  ['a text with =', 'a=b', '"a=b"'],
  ['a line break', 'a\nb', '"a\\nb"'],
  ['a character that hides text', 'a\u202eb', 'a\\u{202e}b'],
  ['a boolean', true, 'true'],
  ['an object', { address: 'a:6443' }, '{"address":"a:6443"}'],
])('createTextLogger writes %s as one word or in quotes', (_title, value, expected) => {
  expect(written({ value }, 'text')).toBe(`text value=${expected}\n`)
})

test('createTextLogger writes one line without control characters, whatever the text is', () => {
  expect(written({}, 'a\r\n\x1b[2J\x9b7mb')).toMatch(/^a[\x20-\x7e]+b\n$/)
})

test('createTextLogger writes the level as a field, unless it is info', () => {
  const stream = createOutput()
  const logger = createTextLogger(stream, 'debug')
  for (const level of ['debug', 'info', 'warn', 'error'] as const) logger[level]({ a: 1 }, 'text')
  const levels = ['level=debug a=1', 'a=1', 'level=warn a=1', 'level=error a=1']
  expect(stream.text()).toBe(levels.map((fields) => `text ${fields}\n`).join(''))
})

test('createTextLogger writes the level as a priority for the journal', () => {
  const stream = createOutput()
  const logger = createTextLogger(stream, 'debug', true)
  for (const level of ['debug', 'info', 'warn', 'error'] as const) logger[level]({}, 'text')
  expect(stream.text()).toBe('<7>text\n<6>text\n<4>text\n<3>text\n')
})

test.each<[Level | undefined, string]>([
  ['trace', 'debug info warn error'],
  [undefined, 'info warn error'],
  ['warn', 'warn error'],
  ['error', 'error'],
  ['fatal', ''],
  ['silent', ''],
])('createTextLogger with the level %s writes the entries of: %s', (level, expected) => {
  const stream = createOutput()
  const logger = createTextLogger(stream, level, true)
  for (const of of ['debug', 'info', 'warn', 'error'] as const) logger[of]({}, of)
  expect(stream.text().replaceAll(/<\d>/g, '').trim().replaceAll('\n', ' ')).toBe(expected)
})
