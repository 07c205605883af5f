import { expect, test } from 'vitest'
import { validateLatency } from '../../../robustness/validate/latency.ts'
import { a, contextOf, failedCall, historyOf } from '../fixtures.ts'

const context = contextOf(historyOf([1000, [a]]))
const call = { ...failedCall('DEADLINE_EXCEEDED', 'not-set'), endedAt: 6000 }

test('validateLatency reports a call that waited too long while a complete list was stored', () => {
  expect(validateLatency(call, context)).toMatch(/waited for 4990 ms while a complete list was stored/)
})

test('validateLatency accepts a call that waited for less than the limit', () => {
  expect(validateLatency({ ...call, endedAt: 4000 }, context)).toBeUndefined()
})

test('validateLatency accepts a call that waited while a fault was active', () => {
  expect(validateLatency(call, { ...context, isFaultFree: () => false })).toBeUndefined()
})

test('validateLatency does not count the time for which this process was stopped', () => {
  expect(validateLatency(call, { ...context, eventLoopDelayMs: () => 4000 })).toBeUndefined()
})
