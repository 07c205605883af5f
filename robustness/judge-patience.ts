import { parseOptions } from '../src/call/config.ts'
import type { CallRecord } from './judge-call.ts'
import { slackMs, unmet } from './judge-call.ts'
import type { WatchEvidence } from './judge-watch.ts'
import { learner } from './plan-calls.ts'

/** While nothing is wrong, a list is read and given in this time. */
const readMs = 1500

/** Says so if a call should have ended before it did: nothing was wrong, and the list was what it waited for. */
export function overdue(call: CallRecord, { history, calm, lateMs }: WatchEvidence): string | undefined {
  const { plan, startedAt, endedAt } = call
  const { settleMs, attemptTimeoutMs, retry } = parseOptions(plan.options, 'resolve')
  // Where one attempt is too short to connect in, nobody knows.
  if (attemptTimeoutMs < 1000 || plan.endpoints.every((each) => each === learner)) return undefined
  const graceMs = settleMs + retry.maxDelayMs + readMs + slackMs
  const { states } = history
  for (const [index, state] of states.entries()) {
    if (state.kind !== 'list' || unmet(plan, state.addresses) !== undefined) continue
    const from = Math.max(state.by, startedAt)
    const next = states
      .slice(index + 1)
      .find((each) => each.kind !== 'list' || each.addresses.join() !== state.addresses.join())
    const to = Math.min(next?.since ?? Infinity, endedAt)
    if (to - from > graceMs + lateMs(from, to) && calm(from, from + graceMs)) {
      return `invariant 4: it waited for ${Math.round(to - from)} ms more, and the list was there: ${state.addresses.join()}`
    }
  }
  return undefined
}
