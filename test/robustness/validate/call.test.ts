import { expect, test } from 'vitest'
import type { History } from '../../../robustness/model/history.ts'
import type { CallRecord } from '../../../robustness/report/records.ts'
import { validateCall } from '../../../robustness/validate/call.ts'
import { a, b, c, contextOf, failedCall, historyOf, resolvedCall, retryEvent } from '../fixtures.ts'

const constant = historyOf([0, [a]])

test.each<[title: string, problem: RegExp, history: History, call: CallRecord]>([
  ['an empty list', /list is empty/, historyOf([0, []]), resolvedCall([], 2)],
  [
    'a list from before the call',
    /revision 2 was not the current one during the call/,
    historyOf([0, [a]], [500, [b]]),
    resolvedCall([a], 2),
  ],
  [
    'a list from after the call',
    /revision 3 was not the current one during the call/,
    historyOf([0, [a]], [2500, [b]]),
    resolvedCall([b], 3),
  ],
  ['a revision that never existed', /revision 9 never existed/, constant, resolvedCall([a], 9)],
  ['a list that is not the one of its revision', /revision 2 is list/, constant, resolvedCall([a, b], 2)],
  [
    'fewer addresses than minAddresses',
    /1 addresses, but minAddresses is 2/,
    constant,
    resolvedCall([a], 2, { options: { minAddresses: 2 } }),
  ],
  [
    'a missing expected address',
    /expected address 10.0.0.2 is missing/,
    constant,
    resolvedCall([a], 2, { options: { expect: ['10.0.0.2'] } }),
  ],
  [
    'a list that changed within settleMs',
    /unchanged for 400 ms, but settleMs is 500/,
    historyOf([0, [b]], [1600, [a]]),
    resolvedCall([a], 3, { options: { settleMs: 500 } }),
  ],
  [
    'a list that was deleted within settleMs',
    /unchanged for 400 ms/,
    historyOf([0, [a]], [1500, 'not-set'], [1600, [a]]),
    resolvedCall([a], 4, { options: { settleMs: 500 } }),
  ],
  ['a call that settled late', /400 ms after the deadline/, constant, resolvedCall([a], 2, { endedAt: 2400 })],
  ['a list after an abort', /resolved after the abort/, constant, resolvedCall([a], 2, { abortedAt: 1900 })],
  ['a list of a learner', /a learner returned/, constant, resolvedCall([a], 2, { endpoints: [3] })],
  [
    'a list of an endpoint during its outage',
    /returned a list during its outage/,
    constant,
    resolvedCall([a], 2, { endpoints: [1, 3] }),
  ],
  [
    'a retry for not-set while a list was stored',
    /reason is not-set, but the list was never in that state/,
    constant,
    resolvedCall([a], 2, { events: [retryEvent('not-set')] }),
  ],
  [
    'a retry for incomplete while a complete list was stored',
    /reason is incomplete, but the list was never in that state/,
    constant,
    resolvedCall([a], 2, { events: [retryEvent('incomplete')] }),
  ],
  [
    'an event after the final one',
    /an event after the final one/,
    constant,
    { ...resolvedCall([a], 2), events: [...resolvedCall([a], 2).events, { at: 0, event: retryEvent('not-set') }] },
  ],
  ['a missing final event', /0 final events/, constant, { ...resolvedCall([a], 2), events: [] }],
  [
    'a listener that is left on the signal',
    /a listener is left/,
    constant,
    { ...resolvedCall([a], 2), abortListeners: 1 },
  ],
  [
    'REJECTED for invalid-value while a list was stored',
    /rejected without cause/,
    constant,
    failedCall('REJECTED', 'invalid-value'),
  ],
  [
    'DEADLINE_EXCEEDED before the deadline',
    /before the deadline/,
    constant,
    failedCall('DEADLINE_EXCEEDED', 'not-set', { options: { timeoutMs: 1500 } }),
  ],
])('validateCall reports %s', (_title, problem, history, call) => {
  expect(validateCall(call, contextOf(history)).join('\n')).toMatch(problem)
})

test.each<[title: string, history: History, call: CallRecord]>([
  ['the only list', constant, resolvedCall([a], 2)],
  ['a list that was current during the call only', historyOf([0, [a]], [1500, [b]], [1600, [c]]), resolvedCall([b], 3)],
  ['the list before a write that is in progress', historyOf([0, [a]], [1995, [b]]), resolvedCall([a], 2)],
  ['the list of a write that is in progress', historyOf([0, [a]], [1995, [b]]), resolvedCall([b], 3)],
  [
    'a settled list that was written again without a change',
    historyOf([0, [a]], [1800, [a]]),
    resolvedCall([a], 3, { options: { settleMs: 900 } }),
  ],
  ['the list of a restored snapshot', historyOf([0, [a]], [100, [b]], [1500, [a], 2]), resolvedCall([a], 2)],
  [
    'a list that was written after a snapshot was restored',
    historyOf([0, [a]], [1400, [b]], [1500, [a], 2], [1600, [c], 3]),
    resolvedCall([c], 3),
  ],
  [
    'a retry for not-set before the key was created',
    historyOf([0, 'not-set'], [1500, [a]]),
    resolvedCall([a], 3, { events: [retryEvent('not-set')] }),
  ],
  [
    'REJECTED for invalid-value while an invalid value was stored',
    historyOf([0, [a]], [1500, 'invalid-value']),
    failedCall('REJECTED', 'invalid-value'),
  ],
])('validateCall accepts %s', (_title, history, call) => {
  expect(validateCall(call, contextOf(history))).toEqual([])
})

test('validateCall accepts a call whose deadline passed while this process was stopped', () => {
  const call = resolvedCall([a], 2, { endedAt: 6000, events: [] })
  const stopped = { ...contextOf(constant), eventLoopDelayMs: () => 4000 }
  expect(validateCall(call, contextOf(constant)).join()).toMatch(/4000 ms after the deadline/)
  expect(validateCall(call, stopped)).toEqual([])
})
