import type { KeyState } from '../model/history.ts'
import { learner } from '../random/options.ts'
import type { CallRecord } from '../report/records.ts'
import { validateCompleteness } from './completeness.ts'
import type { ValidationContext } from './context.ts'
import { effectiveOptions } from './effective-options.ts'

/** Returns a problem if a call waited too long although no fault was active and a complete list was stored. */
export function validateLatency(call: CallRecord, context: ValidationContext): string | undefined {
  const { history, limits, isFaultFree, eventLoopDelayMs } = context
  const { scenario, startedAt, endedAt } = call
  const { settleMs, attemptTimeoutMs, retry } = effectiveOptions(scenario.options)
  // A shorter attempt may time out before it is connected.
  if (attemptTimeoutMs < 1000 || scenario.endpoints.every((each) => each === learner)) return undefined
  const limitMs = settleMs + retry.maxDelayMs + limits.resolveMs
  const { states } = history
  const isComplete = (state: KeyState) =>
    state.kind === 'list' && validateCompleteness(scenario.options, state.addresses) === undefined
  // With settleMs, another list starts the wait again.
  const startsAgain = (later: KeyState, state: KeyState) =>
    !isComplete(later) || (settleMs > 0 && later.addresses.join() !== state.addresses.join())
  for (const [index, state] of states.entries()) {
    if (!isComplete(state)) continue
    const from = Math.max(state.completedAt, startedAt)
    const next = states.slice(index + 1).find((later) => startsAgain(later, state))
    const to = Math.min(next?.sentAt ?? Infinity, endedAt)
    if (to - from > limitMs + eventLoopDelayMs(from, to) && isFaultFree(from, from + limitMs)) {
      return `waited for ${Math.round(to - from)} ms while a complete list was stored: ${state.addresses.join()}`
    }
  }
  return undefined
}
