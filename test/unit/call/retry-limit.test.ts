import { expect, test } from 'vitest'
import { RetryLimit } from '../../../src/call/retry-limit.ts'
import { Failure } from '../../../src/sources/failure.ts'
import { VirtualClock } from '../../support/clock.ts'
import { followFake } from '../../support/fake-watch.ts'
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

test('RetryLimit starts again after reset', async () => {
  const clock = new VirtualClock()
  const limit = new RetryLimit(clock)
  limit.isOver(expired, 'files')
  await clock.advance(999)
  limit.reset()
  await clock.advance(1)
  expect(limit.isOver(expired, 'files')).toBe(false)
})

test('a watch waits for each half-written file as long as for the first, if it has followed the key since', async () => {
  const { etcd, watch, events, clock } = await followFake(['10.0.0.1:6443'], {}, () => 0)
  for (let i = 0; i < 3; i++) {
    events.clear()
    etcd.fault = new Failure('tls-files-unreadable', 'client.key is half-written', { retryForMs: 2000 })
    await clock.advance(61_000) // The periodic read comes after 60 s.
    expect(events.types).toContain('disconnected')
    etcd.fault = undefined
    await clock.advance(1000)
    expect(events.types.at(-1)).toBe('connected')
  }
  await watch.close()
})
