import { expect, test } from 'vitest'
import { median, quantile, shuffled } from '../../bench/stats.ts'

test('quantile and median interpolate between samples, and are NaN without samples', () => {
  expect(median([4, 1, 3, 2])).toBe(2.5)
  expect(quantile([1, 2, 3, 4, 5], 0.9)).toBeCloseTo(4.6)
  expect(median([])).toBeNaN()
})

test('shuffled returns every item once', () => {
  expect(shuffled([1, 2, 3, 4]).toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4])
})
