import { expect, test } from 'vitest'
import type { Reason } from '../../../src/index.ts'
import { Failure } from '../../../src/sources/failure.ts'
import { awaited, reasons } from '../../../src/sources/reasons.ts'

const entries = Object.entries(reasons) as [Reason, (typeof reasons)[Reason]][]

test.each(entries)(
  'the reason %s has a name for what is awaited, and is final, retried for 10 s or retried for ever',
  (reason) => {
    const final = ['tls-files-unreadable', 'unauthenticated', 'permission-denied', 'invalid-value', 'rejected']
    const retryForMs = final.includes(reason) ? 0 : reason === 'tls-rejected' ? 10_000 : Infinity
    expect(new Failure(reason, 'message')).toMatchObject({ reason, retryForMs, message: 'message' })
    expect(awaited(reason, 'etcd')).toMatch(/\w/)
    expect(awaited(reason, 'kubernetes')).toMatch(/\w/)
  },
)

test.each(entries)('the reason %s is logged as info if it is retried for ever, and else as warn', (_reason, policy) => {
  expect(policy.logLevel).toBe(policy.retryForMs === Infinity ? 'info' : 'warn')
})
