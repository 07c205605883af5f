import { expect, test } from 'vitest'
import { Failure } from '../../../src/sources/failure.ts'

test('Failure has a cause only if one was given', () => {
  expect('cause' in new Failure('timeout', 'message')).toBe(false)
  expect(new Failure('timeout', 'message', { cause: undefined })).toHaveProperty('cause', undefined)
})
