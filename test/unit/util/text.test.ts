import { expect, test } from 'vitest'
import { ApiserverAddressError } from '../../../src/errors.ts'
import { Failure } from '../../../src/sources/failure.ts'
import { printable } from '../../../src/util/text.ts'

test('printable text stays as it is', () => {
  expect(printable('10.0.0.11:6443 [fd00::1]:6443 größer 日本')).toBe('10.0.0.11:6443 [fd00::1]:6443 größer 日本')
})

test('what a terminal would obey or hide is shown, in every message of ours', () => {
  const forged = 'a\x1b[2Jb\nc\x9bd\u2028e\u202ef\u{e0001}'
  const shown = 'a\\u{1b}[2Jb\\u{a}c\\u{9b}d\\u{2028}e\\u{202e}f\\u{e0001}'
  expect(printable(forged)).toBe(shown)
  expect(printable(shown)).toBe(shown)
  expect(new Failure('timeout', forged).message).toBe(shown)
  const details = { code: 'CLOSED', reason: undefined, attempts: 0, elapsedMs: 0, cause: undefined } as const
  expect(new ApiserverAddressError(forged, details).message).toBe(shown)
})
