import { defaults } from '../../src/call/defaults.ts'
import type { KeyState } from '../model/history.ts'
import { learner } from '../random/options.ts'
import type { CallRecord, ObservedEvent } from '../report/records.ts'
import { validateCause } from './causes.ts'
import { validateCompleteness } from './completeness.ts'
import type { ValidationContext } from './context.ts'

/** Returns why the reason of a `retry` event cannot be right: nothing explains it, or the list was not like that. */
export function validateRetryReason(
  { scenario, startedAt, events }: CallRecord,
  { at, event }: ObservedEvent,
  context: ValidationContext,
): string | undefined {
  if (event.type !== 'retry') return undefined
  const { reason } = event
  if (reason !== 'not-set' && reason !== 'incomplete') return validateCause(reason, startedAt, at, context)
  const { history, isOut } = context
  const { endpoints, options } = scenario
  const readAt = events.findLast((each) => each.at <= at && each.event.type === 'attempt')?.at ?? startedAt
  if (endpoints.every((each) => each === learner || isOut(each, readAt, at))) {
    return `a learner, or an endpoint during its outage, returned a value: the reason is ${reason}`
  }
  const isIncomplete = (state: KeyState) =>
    state.kind === 'list' &&
    (validateCompleteness(options, state.addresses) !== undefined || (options.settleMs ?? defaults.settleMs) > 0)
  const isCause = reason === 'not-set' ? (state: KeyState) => state.kind === 'not-set' : isIncomplete
  return history.possibleStates(startedAt, at).some(isCause)
    ? undefined
    : `the reason is ${reason}, but the list was never in that state during the call`
}
