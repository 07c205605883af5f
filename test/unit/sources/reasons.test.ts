import { expect, test } from 'vitest'
import type { Reason } from '../../../src/index.ts'
import { Failure } from '../../../src/sources/failure.ts'
import { reasons } from '../../../src/sources/reasons.ts'

test.each(Object.entries(reasons))('reason %s has a description, and is final or retried', (reason, policy) => {
  const final = ['tls-files-unreadable', 'unauthenticated', 'permission-denied', 'invalid-value', 'rejected']
  const retryForMs = final.includes(reason) ? 0 : reason === 'tls-rejected' ? 10_000 : Infinity
  expect(new Failure(reason as Reason, 'message')).toMatchObject({ reason, retryForMs, message: 'message' })
  expect(policy.description).not.toBe('')
})
