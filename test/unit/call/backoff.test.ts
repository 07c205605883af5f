import fc from 'fast-check'
import { expect, test } from 'vitest'
import { backoffDelay } from '../../../src/call/backoff.ts'
import { maxTimerMs } from '../../../src/util/clock.ts'

const options = fc.record({
  initialDelayMs: fc.double({ min: 0.001, max: 1e12, noNaN: true }),
  maxDelayMs: fc.double({ min: 0.001, max: 1e12, noNaN: true }),
  factor: fc.double({ min: 1, max: 1e6, noNaN: true }),
})
const n = fc.nat({ max: 10_000 })
const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })

test('no delay is longer than the cap, than a timer can be, or than jitter allows', () => {
  fc.assert(
    fc.property(options, n, random, (given, attempt, chance) => {
      const whole = backoffDelay(attempt, { ...given, jitter: 'none' }, () => chance)
      const equal = backoffDelay(attempt, { ...given, jitter: 'equal' }, () => chance)
      const full = backoffDelay(attempt, { ...given, jitter: 'full' }, () => chance)
      expect(whole).toBeGreaterThan(0)
      expect(whole).toBeLessThanOrEqual(Math.min(given.maxDelayMs, maxTimerMs))
      expect(equal).toBeGreaterThanOrEqual(whole / 2)
      expect(equal).toBeLessThanOrEqual(whole)
      expect(full).toBeGreaterThanOrEqual(0)
      expect(full).toBeLessThanOrEqual(whole)
    }),
  )
})

test('delays grow by the factor until the cap, and stay there', () => {
  fc.assert(
    fc.property(options, n, (given, attempt) => {
      const delay = (k: number) => backoffDelay(k, { ...given, jitter: 'none' }, () => 0)
      const cap = Math.min(given.maxDelayMs, maxTimerMs)
      expect(delay(0)).toBe(Math.min(given.initialDelayMs, cap))
      expect(delay(attempt + 1)).toBeGreaterThanOrEqual(delay(attempt))
      if (delay(attempt) === cap) expect(delay(attempt + 1)).toBe(cap)
    }),
  )
})

test('clients that have reached the cap are still out of step', () => {
  const capped = (chance: number) =>
    backoffDelay(50, { initialDelayMs: 250, maxDelayMs: 1900, factor: 2, jitter: 'equal' }, () => chance)
  expect([0, 0.2, 0.4, 0.8].map(capped)).toEqual([950, 1140, 1330, 1710])
})

test('the default schedule before jitter is 250, 500, 1000, 1900, 1900 ms', () => {
  const delays = [0, 1, 2, 3, 4].map((k) =>
    backoffDelay(k, { initialDelayMs: 250, maxDelayMs: 1900, factor: 2, jitter: 'none' }, () => 0),
  )
  expect(delays).toEqual([250, 500, 1000, 1900, 1900])
})
