import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { ApiserverAddressError } from '../../../src/errors.ts'
import { Failure } from '../../../src/sources/failure.ts'
import { count, excerpt, messageOf, oneLine, printable, scalarText, seconds, secret } from '../../../src/util/text.ts'

test('printable does not change text without control and format characters', () => {
  expect(printable('10.0.0.11:6443 [fd00::1]:6443 größer 日本')).toBe('10.0.0.11:6443 [fd00::1]:6443 größer 日本')
})

test('printable escapes control and format characters, also in the message of every error of the package', () => {
  const forged = 'a\x1b[2Jb\nc\x9bd\u2028e\u202ef\u{e0001}'
  const shown = 'a\\u{1b}[2Jb\\u{a}c\\u{9b}d\\u{2028}e\\u{202e}f\\u{e0001}'
  expect(printable(forged)).toBe(shown)
  expect(printable(shown)).toBe(shown)
  expect(new Failure('timeout', forged).message).toBe(shown)
  const details = { code: 'CLOSED', reason: undefined, attempts: 0, elapsedMs: 0, cause: undefined } as const
  expect(new ApiserverAddressError(forged, details).message).toBe(shown)
})

test.each([
  ['https://root:hunter2@a:2379', true],
  ['-----BEGIN PRIVATE KEY-----', true],
  ['https://a:2379', false],
])('secret.test(%j) is %s', (text, isSecret) => {
  expect(secret.test(text)).toBe(isSecret)
})

const openSslError =
  '40BD66CCCC7F0000:error:0A000412:SSL routines:ssl3_read_bytes:ssl/tls alert bad certificate:../deps/openssl/openssl/ssl/record/rec_layer_s3.c:918:SSL alert number 42\n'

test.each([
  ['two\nlines\u2028or\tthree\u0000', 'two lines or three'],
  ['not \x1b[2J\x9b7mforged \u202e\u{e0001}by this', 'not  [2J 7mforged  by this'],
  [openSslError, 'ssl/tls alert bad certificate'],
  ['unable to verify; if the root CA is installed locally, try running with --use-system-ca', 'unable to verify'],
  ['x'.repeat(1000), 'x'.repeat(300)],
])('oneLine of %j returns %j', (text, line) => {
  expect(oneLine(text)).toBe(line)
})

test('oneLine cuts a text to 2000 characters before a pattern reads it', () => {
  expect(oneLine(`a${'\n'.repeat(1999)}${openSslError}`)).toBe('a')
  // The first 50 characters alone do not match the pattern of OpenSSL's errors, so they stay as they are.
  expect(oneLine(`${'\n'.repeat(1950)}${openSslError}`)).toBe(openSslError.slice(0, 50))
  for (const part of [' ', '. ', 'A:', '1:error:1:SSL routines:', ' (2026-01-02T']) {
    const long = part.repeat(1 << 20)
    expect(oneLine(long)).toBe(oneLine(long.slice(0, 2000)))
  }
})

test('oneLine does not cut a character in half', () => {
  expect(oneLine(`${'x'.repeat(299)}\u{1f600}`)).toBe(`${'x'.repeat(299)}\ufffd`)
})

test.each([
  [new Error('failed'), 'failed'],
  ['failed', 'failed'],
  [undefined, 'undefined'],
])('messageOf of %j returns %j', (thrown, message) => {
  expect(messageOf(thrown)).toBe(message)
})

test('seconds has one decimal, and count has the plural', () => {
  expect([seconds(1549), seconds(0)]).toEqual(['1.5 s', '0.0 s'])
  expect([count(0, 'attempt'), count(1, 'attempt'), count(2, 'attempt')]).toEqual([
    '0 attempts',
    '1 attempt',
    '2 attempts',
  ])
})

test('excerpt is short, quoted and on one line, and runs no code of the value', () => {
  expect(excerpt('a\nb\u001b[31m')).toBe("'a\\nb\\x1B[31m'")
  expect(excerpt('a\u2028\u202e')).toBe("'a\\u{2028}\\u{202e}'")
  expect(excerpt(Symbol('a\nb'))).toBe('Symbol(a\\u{a}b)')
  expect(excerpt(new Error('a\nb'))).not.toContain('\n')
  expect(excerpt({ [inspect.custom]: () => expect.fail('code of the value was run') })).toMatch(/^\{/)
  expect(excerpt('x'.repeat(1000)).length).toBeLessThan(140)
  expect(excerpt({ a: 'x'.repeat(1000), b: 'y'.repeat(1000) }).length).toBeLessThan(150)
})

test.each([
  ['a', 'a'],
  [7, '7'],
  [null, 'null'],
  [undefined, 'undefined'],
  [{ toString: 1 }, 'an object'],
  [[[]], 'an object'],
])('scalarText returns the text of %j', (value, text) => {
  expect(scalarText(value)).toBe(text)
})
