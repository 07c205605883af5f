import { expect, test } from 'vitest'
import { FaultTimes } from '../../../robustness/failpoint/fault-times.ts'

test('FaultTimes knows the faults that were active in a time, and their kinds', () => {
  const times = new FaultTimes()
  const before = performance.now()
  const end = times.begin('kill etcd')
  expect(times.wereActive(['kill etcd'], performance.now() + 1000, Infinity)).toBe(true)
  end()
  const after = performance.now()
  expect(times.wereActive(['kill etcd', 'compact'], before, after)).toBe(true)
  expect(times.wereActive('any', before, after)).toBe(true)
  expect(times.wereActive(['compact'], before, after)).toBe(false)
  expect(times.wereActive('any', after + 1, Infinity)).toBe(false)
  expect(times.wereActive('any', -Infinity, before - 1)).toBe(false)
})

test('FaultTimes forgets only faults that have ended', () => {
  const times = new FaultTimes()
  times.begin('compact')()
  times.begin('slow link')
  times.forget(performance.now() + 1)
  expect(times.wereActive(['compact'], 0, Infinity)).toBe(false)
  expect(times.wereActive(['slow link'], 0, Infinity)).toBe(true)
})
