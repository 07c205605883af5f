import type { ResolvedAddresses } from '../../src/index.ts'
import { learner } from '../random/options.ts'
import type { CallRecord } from '../report/records.ts'
import { validateCompleteness } from './completeness.ts'
import type { ValidationContext } from './context.ts'
import { effectiveOptions } from './effective-options.ts'
import { validateList } from './list.ts'
import { validateStoredList } from './stored-list.ts'

/** Returns what is wrong with the result of a call. */
export function validateResult(
  call: CallRecord,
  result: ResolvedAddresses,
  context: ValidationContext,
): string | undefined {
  const { scenario, startedAt, endedAt, abortedAt, events } = call
  const { endpoints, options } = scenario
  const { addresses, revision, attempts, elapsedMs } = result
  const problem = validateList(result) ?? validateCompleteness(options, addresses)
  if (problem !== undefined) return problem
  if (abortedAt !== undefined && abortedAt < events.at(-1)!.at) return 'resolved after the abort'
  const { settleMs, retry } = effectiveOptions(options)
  if (attempts > retry.maxAttempts) return `${attempts} attempts, but maxAttempts is ${retry.maxAttempts}`
  const measuredMs = endedAt - startedAt
  const toleranceMs = context.limits.endMs + context.eventLoopDelayMs(startedAt, endedAt)
  if (Math.abs(elapsedMs - measuredMs) > toleranceMs) {
    return `elapsedMs is ${elapsedMs}, but the call took ${Math.round(measuredMs)} ms`
  }
  if (endpoints.every((each) => each === learner)) return 'a learner returned a list'
  if (endpoints.every((each) => each === learner || context.isOut(each, startedAt, endedAt))) {
    return 'an endpoint returned a list during its outage'
  }
  return validateStoredList(context.history, {
    addresses,
    revision: Number(revision),
    start: startedAt,
    end: endedAt,
    settleMs,
  })
}
