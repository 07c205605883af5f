import { expect, test } from 'vitest'
import { FaultTimes } from '../../../robustness/failpoint/fault-times.ts'
import type { FaultKind } from '../../../robustness/random/faults.ts'
import { validateCall } from '../../../robustness/validate/call.ts'
import { validateCause } from '../../../robustness/validate/causes.ts'
import type { ValidationContext } from '../../../robustness/validate/context.ts'
import type { Reason } from '../../../src/index.ts'
import { a, contextOf, historyOf, resolvedCall, retryEvent } from '../fixtures.ts'

/** The context of a campaign with the source kubernetes and these faults, all of them in the past. */
function contextWith(...kinds: FaultKind[]): ValidationContext {
  const times = new FaultTimes()
  for (const kind of kinds) times.begin(kind)()
  return {
    ...contextOf(historyOf([0, [a]])),
    source: 'kubernetes',
    hadFault: (wanted, start, end) => times.wereActive(wanted, start, end),
    isFaultFree: () => kinds.length === 0,
  }
}

const validate = (reason: Reason, context: ValidationContext) =>
  validateCause(reason, performance.now(), performance.now() + 1000, context)

test.each<[reason: Reason, kinds: FaultKind[], problem: RegExp]>([
  ['unreachable', [], /reason is unreachable, but no fault was active/],
  ['tls-rejected', ['kill apiserver'], /reason is tls-rejected, but no fault explains it/],
  ['permission-denied', ['black hole'], /reason is permission-denied, but no fault explains it/],
  ['rejected', ['kill apiserver'], /reason is rejected, which nothing in this campaign causes/],
])('validateCause reports the reason %s after the faults %j', (reason, kinds, problem) => {
  expect(validate(reason, contextWith(...kinds))).toMatch(problem)
})

test.each<[reason: Reason, kinds: FaultKind[]]>([
  ['timeout', []],
  ['not-set', []],
  ['unreachable', ['slow link']],
  ['tls-rejected', ['kill apiserver', 'foreign server certificate']],
  ['permission-denied', ['kill apiserver']],
])('validateCause accepts the reason %s after the faults %j', (reason, kinds) => {
  expect(validate(reason, contextWith(...kinds))).toBeUndefined()
})

test('validateCause forgets a fault whose consequences are over', () => {
  const context = contextWith('kill apiserver')
  const since = performance.now() + 61_000
  expect(validateCause('unavailable', since, since, context)).toMatch(/no fault explains it/)
})

test('validateCause checks no reason of the source etcd', () => {
  expect(validate('unreachable', { ...contextWith(), source: 'etcd' })).toBeUndefined()
})

test('validateCall reports a retry that no fault explains', () => {
  const event = { ...retryEvent('not-set'), reason: 'unreachable' } as ReturnType<typeof retryEvent>
  const call = resolvedCall([a], 2, { events: [event] })
  expect(validateCall(call, contextWith()).join()).toMatch(/reason is unreachable, but no fault was active/)
})
