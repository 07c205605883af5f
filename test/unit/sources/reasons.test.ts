import { expect, test } from 'vitest'
import type { Reason } from '../../../src/index.ts'
import { Failure } from '../../../src/sources/failure.ts'
import { awaited, logLevelOf, reasons } from '../../../src/sources/reasons.ts'

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

test.each(entries)(
  'logLevelOf returns the level of %s in the table for etcd, and for a source that is not chosen',
  (reason) => {
    expect([logLevelOf(reason, 'etcd'), logLevelOf(reason, undefined)]).toEqual(Array(2).fill(reasons[reason].logLevel))
  },
)

test.each(entries)('logLevelOf returns info for %s of Kubernetes if the reason passes there', (reason, policy) => {
  const passes = policy.retryForMsInKubernetes !== undefined
  expect(logLevelOf(reason, 'kubernetes')).toBe(passes ? 'info' : policy.logLevel)
})

test('awaited names etcd while the source is not chosen', () => {
  for (const [reason] of entries) expect(awaited(reason, undefined)).toBe(awaited(reason, 'etcd'))
})
