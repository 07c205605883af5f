import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Backoff, backoffDelay } from '../../../src/call/backoff.ts'
import { Failure } from '../../../src/sources/failure.ts'
import { maxTimerMs } from '../../../src/util/clock.ts'
import { VirtualClock } from '../../support/clock.ts'

const defaults = { initialDelayMs: 250, maxDelayMs: 1900, factor: 2 }
const options = fc.record({
  initialDelayMs: fc.double({ min: 0.001, max: 1e12, noNaN: true }),
  maxDelayMs: fc.double({ min: 0.001, max: 1e12, noNaN: true }),
  factor: fc.double({ min: 1, max: 1e6, noNaN: true }),
})
const failures = fc.nat({ max: 10_000 })
const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })

test('backoffDelay is never longer than the cap, the longest timer and the jitter allow', () => {
  fc.assert(
    fc.property(options, failures, random, (given, n, number) => {
      const whole = backoffDelay(n, { ...given, jitter: 'none' }, () => number)
      const equal = backoffDelay(n, { ...given, jitter: 'equal' }, () => number)
      const full = backoffDelay(n, { ...given, jitter: 'full' }, () => number)
      expect(whole).toBeGreaterThan(0)
      expect(whole).toBeLessThanOrEqual(Math.min(given.maxDelayMs, maxTimerMs))
      expect(equal).toBeGreaterThanOrEqual(whole / 2)
      expect(equal).toBeLessThanOrEqual(whole)
      expect(full).toBeGreaterThanOrEqual(0)
      expect(full).toBeLessThanOrEqual(whole)
    }),
  )
})

test('backoffDelay grows by the factor up to the cap, and stays there', () => {
  fc.assert(
    fc.property(options, failures, (given, n) => {
      const delay = (failure: number) => backoffDelay(failure, { ...given, jitter: 'none' }, () => 0)
      const cap = Math.min(given.maxDelayMs, maxTimerMs)
      expect(delay(0)).toBe(Math.min(given.initialDelayMs, cap))
      expect(delay(n + 1)).toBeGreaterThanOrEqual(delay(n))
      if (delay(n) === cap) expect(delay(n + 1)).toBe(cap)
    }),
  )
})

test('backoffDelay still differs between clients that have reached the cap', () => {
  const capped = (number: number) => backoffDelay(50, { ...defaults, jitter: 'equal' }, () => number)
  expect([0, 0.2, 0.4, 0.8].map(capped)).toEqual([950, 1140, 1330, 1710])
})

test('backoffDelay is 250, 500, 1000, 1900, 1900 ms with the defaults and without jitter', () => {
  const delays = [0, 1, 2, 3, 4].map((n) => backoffDelay(n, { ...defaults, jitter: 'none' }, () => 0))
  expect(delays).toEqual([250, 500, 1000, 1900, 1900])
})

test('Backoff starts again when failures to read follow answers without a list, when the opposite happens, and after reset', () => {
  const backoff = new Backoff({ ...defaults, jitter: 'none' }, new VirtualClock())
  const next = (reason: Failure['reason']) => backoff.next(new Failure(reason, ''))
  expect([next('unreachable'), next('timeout'), next('no-leader')]).toEqual([250, 500, 1000])
  expect([next('not-set'), next('incomplete'), next('not-set')]).toEqual([250, 500, 1000])
  expect([next('unreachable'), next('unreachable')]).toEqual([250, 500])
  backoff.reset()
  expect(next('unreachable')).toBe(250)
})
