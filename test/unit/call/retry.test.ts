import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Failure } from '../../../src/sources/failure.ts'
import { idle } from '../../support/clock.ts'
import { followFake } from '../../support/fake-watch.ts'
import { resolveFake } from '../../support/resolving.ts'

test('retry makes maxAttempts reads on the schedule of the backoff, and rejects with ATTEMPTS_EXHAUSTED', async () => {
  const { clock, result, source } = resolveFake({ retry: { maxAttempts: 3, jitter: 'none' } })
  await clock.advance(250 + 500)
  await expect(result).rejects.toMatchObject({
    code: 'ATTEMPTS_EXHAUSTED',
    reason: 'not-set',
    attempts: 3,
    elapsedMs: 750,
  })
  expect(source.reads).toBe(3)
})

test('retry does not count a value that the watch has pushed as one of maxAttempts', async () => {
  const { source, clock, result } = resolveFake({
    minAddresses: 2,
    retry: { maxAttempts: 2, initialDelayMs: 5000, maxDelayMs: 5000 },
  })
  await clock.advance(1)
  for (const value of ['', '[]', '["a:1"]', '', '["a:1","b:1"]']) {
    source.write(value)
    await idle()
  }
  expect(await result).toMatchObject({ addresses: ['a:1', 'b:1'], attempts: 1 })
})

test('retry reads again at once, and emits wake, when the connection of a late read is established', async () => {
  const { result, clock, source, events } = resolveFake({}, (fakes) =>
    fakes.source.fail(new Failure('timeout', 'no answer')),
  )
  await clock.advance(1)
  source.write('["a:1"]')
  source.fail(undefined)
  source.becomeConnected()
  expect(await result).toMatchObject({ addresses: ['a:1'], attempts: 2 })
  expect(events.of('wake')).toEqual([{ type: 'wake', cause: 'connected' }])
})

test('retry rounds the time until a list has settled up to whole milliseconds, so that no read is too early', async () => {
  const { source, clock, events } = resolveFake({ settleMs: 3000 }, (fakes) => fakes.source.write('["a:1"]'))
  await clock.advance(1000.7)
  source.write('["a:1"]')
  await idle()
  expect(events.of('retry').map(({ delayMs }) => delayMs)).toEqual([3000, 2000])
})

test('retry rounds the time until the deadline up to whole milliseconds, so that no read comes just before it', async () => {
  const { events } = resolveFake({ timeoutMs: 100.4, retry: { jitter: 'none' } }, (fakes) =>
    fakes.source.refuseWatches(),
  )
  await idle()
  expect(events.of('retry')[0]).toMatchObject({ delayMs: 101, remainingMs: 101 })
})

test('retry has 0 as remainingMs after the process was stopped until after the deadline', async () => {
  const { clock, events } = resolveFake({ timeoutMs: 1000 }, ({ source }) => source.refuseWatches())
  events.emitter.once('phase', () => void clock.standStill(2000))
  await idle()
  expect(events.of('retry')[0]).toMatchObject({ delayMs: 0, remainingMs: 0 })
})

test('retry waits within the jitter and the cap, for any option retry and any random numbers', async () => {
  const retry = fc.record({
    initialDelayMs: fc.integer({ min: 1, max: 1000 }),
    maxDelayMs: fc.integer({ min: 1, max: 5000 }),
    factor: fc.integer({ min: 1, max: 4 }),
    jitter: fc.constantFrom('equal' as const, 'full' as const, 'none' as const),
  })
  const random = fc.infiniteStream(fc.double({ min: 0, max: 0.999, noNaN: true }))
  await fc.assert(
    fc.asyncProperty(retry, random, async (given, numbers) => {
      const { result, clock, events } = resolveFake(
        { retry: { ...given, maxAttempts: 12 } },
        ({ source }) => source.fail(new Failure('unreachable', 'refused')),
        () => numbers.next().value as number,
      )
      await clock.advance(12 * 5000)
      await expect(result).rejects.toMatchObject({ code: 'ATTEMPTS_EXHAUSTED' })
      const delays = events.of('retry').map(({ delayMs }) => delayMs)
      expect(delays).toHaveLength(11)
      for (const [n, delay] of delays.entries()) {
        const whole = Math.min(given.maxDelayMs, given.initialDelayMs * given.factor ** n)
        const least = { none: whole, equal: whole / 2, full: 0 }[given.jitter]
        expect(delay).toBeGreaterThanOrEqual(Math.floor(least))
        expect(delay).toBeLessThanOrEqual(Math.ceil(whole))
      }
    }),
    { numRuns: 50 },
  )
})

test('retry starts the backoff again after an attempt that was a healthy watch for 30 s', async () => {
  const { etcd, watch, events, clock } = await followFake(['10.0.0.1:6443'], { retry: { jitter: 'none' } })
  const delaysAfterCut = async (watchedMs: number) => {
    events.clear()
    etcd.cut()
    await clock.advance(watchedMs)
    return events.of('retry').map(({ delayMs }) => delayMs)
  }
  expect(await delaysAfterCut(5000)).toEqual([250])
  expect(await delaysAfterCut(5000)).toEqual([500])
  expect(await delaysAfterCut(40_000)).toEqual([1000])
  expect(await delaysAfterCut(5000)).toEqual([250])
  await watch.close()
})

test('retry does not start the backoff again after a read that failed late', async () => {
  const { clock, events } = resolveFake({ retry: { jitter: 'none' } }, ({ source }) => {
    source.read = async (signal) => {
      await clock.sleep(40_000, signal)
      throw new Failure('timeout', 'no answer')
    }
  })
  await clock.advance(125_000)
  expect(events.of('retry').map(({ delayMs }) => delayMs)).toEqual([250, 500, 1000])
})
