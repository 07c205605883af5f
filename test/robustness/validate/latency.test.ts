import { expect, test } from 'vitest'
import { validateLatency } from '../../../robustness/validate/latency.ts'
import { a, b, contextOf, failedCall, historyOf } from '../fixtures.ts'

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

const grown = historyOf([1000, [a]], [3000, [a, b]])

test('validateLatency counts the time of several lists, if each of them is complete', () => {
  expect(validateLatency(call, { ...context, history: grown })).toMatch(/waited for 4990 ms/)
})

test('validateLatency counts the time of each list alone for a call with settleMs', () => {
  const { scenario } = call
  const settling = { ...call, scenario: { ...scenario, options: { ...scenario.options, settleMs: 1 } } }
  expect(validateLatency(settling, { ...context, history: grown })).toBeUndefined()
})
