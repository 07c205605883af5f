import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { ApiserverAddressError } from '../../src/errors.ts'
import type { ErrorDetails } from '../../src/errors.ts'

const cause = new Error('ECONNREFUSED')
const details: ErrorDetails = { code: 'REJECTED', reason: 'rejected', attempts: 2, elapsedMs: 1500, cause }

test('ApiserverAddressError has its details and its cause', () => {
  const error = new ApiserverAddressError('key: failed', details)
  expect(error).toMatchObject({ message: 'key: failed', ...details })
  expect(error.cause).toBe(cause)
})

test('ApiserverAddressError has its name in its stack, and only its details as fields', () => {
  const error = new ApiserverAddressError('key: failed', details)
  expect(error.stack).toMatch(/^ApiserverAddressError: key: failed\n/)
  expect(Object.keys(error)).toEqual(['code', 'reason', 'attempts', 'elapsedMs'])
  expect(inspect(error)).toContain("code: 'REJECTED'")
})

test('ApiserverAddressError escapes control characters in its message', () => {
  expect(new ApiserverAddressError('a\nb\x1b[2J', details).message).toBe(String.raw`a\u{a}b\u{1b}[2J`)
})

test('ApiserverAddressError has no cause and no reason when there was none', () => {
  const error = new ApiserverAddressError('key: closed', { ...details, reason: undefined, cause: undefined })
  expect([error.reason, error.cause]).toEqual([undefined, undefined])
})
