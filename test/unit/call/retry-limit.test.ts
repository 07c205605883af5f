import { expect, test } from 'vitest'
import { RetryLimit } from '../../../src/call/retry-limit.ts'
import { Failure } from '../../../src/sources/failure.ts'
import { VirtualClock } from '../../support/clock.ts'
import { resolveFake } from '../../support/resolving.ts'

const expired = new Failure('tls-rejected', 'expired', { retryForMs: 1000 })

test('RetryLimit is over when the same failure has lasted for its retryForMs', async () => {
  const clock = new VirtualClock()
  const limit = new RetryLimit(clock)
  expect(limit.isOver(expired, 'files')).toBe(false)
  await clock.advance(999)
  expect(limit.isOver(expired, 'files')).toBe(false)
  await clock.advance(1)
  expect(limit.isOver(expired, 'files')).toBe(true)
})

test.each([
  ['another reason', new Failure('unauthenticated', 'expired', { retryForMs: 1000 }), 'files'],
  ['a failure that is retried without limit', new Failure('unreachable', 'refused'), 'files'],
  ['the same reason with other certificate files', expired, 'new files'],
])('RetryLimit starts again after %s', async (_, other, fingerprint) => {
  const clock = new VirtualClock()
  const limit = new RetryLimit(clock)
  limit.isOver(expired, 'files')
  await clock.advance(999)
  limit.isOver(other, fingerprint)
  await clock.advance(1)
  expect(limit.isOver(expired, 'files')).toBe(false)
})

test('RetryLimit is over at once for a failure that is final, and never for one without a limit', async () => {
  const clock = new VirtualClock()
  const limit = new RetryLimit(clock)
  expect(limit.isOver(new Failure('invalid-value', 'not JSON', { retryForMs: 0 }), undefined)).toBe(true)
  const unreachable = new Failure('unreachable', 'refused')
  limit.isOver(unreachable, undefined)
  await clock.advance(1e9)
  expect(limit.isOver(unreachable, undefined)).toBe(false)
})

test('a call rejects with REJECTED after tls-rejected has lasted 10 s with the same certificate files', async () => {
  const { result, clock, source } = resolveFake(
    { retry: { jitter: 'none', initialDelayMs: 1000, maxDelayMs: 1000 } },
    (fakes) => {
      fakes.source.fingerprint = 'old'
      fakes.source.fail(new Failure('tls-rejected', 'expired', { cause: 'the cause' }))
    },
  )
  await clock.advance(9000)
  source.fingerprint = 'new'
  await clock.advance(10_000)
  expect(source.reads).toBe(20)
  await clock.advance(1000)
  await expect(result).rejects.toMatchObject({
    code: 'REJECTED',
    reason: 'tls-rejected',
    cause: 'the cause',
    elapsedMs: 20_000,
  })
})
