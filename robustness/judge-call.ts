import { ApiserverAddressError } from '../src/index.ts'
import type { ResolvedAddresses } from '../src/index.ts'
import type { Told } from './events.ts'
import type { History, State } from './history.ts'
import { malformed } from './judge-list.ts'
import { learner } from './plan-calls.ts'
import type { CallPlan } from './plan-calls.ts'

/** All that there is to be known of a call that is over. */
export interface CallRecord {
  readonly plan: CallPlan
  readonly startedAt: number
  readonly endedAt: number
  /** When its caller aborted it. */
  readonly abortedAt: number | undefined
  /** What its caller aborted it with. */
  readonly reason: unknown
  readonly told: readonly Told[]
  readonly outcome: { readonly result: ResolvedAddresses } | { readonly error: unknown }
}

/** What a call is judged by. */
export interface Evidence {
  readonly history: History
  /** Milliseconds from `start` to `end` in which this process was not there. */
  readonly lateMs: (start: number, end: number) => number
  /** Whether the member had no peers from `start` to `end`. */
  readonly cutOff: (member: number, start: number, end: number) => boolean
}

/** Milliseconds that a call may take to end when it has to, beside those in which this process was not there. */
export const slackMs = 250

const ends = new Set(['resolved', 'failed', 'aborted'])

/** What is wrong with a call. */
export function judgeCall(call: CallRecord, evidence: Evidence): string[] {
  return [
    judgeEnd(call),
    judgeTime(call, evidence),
    'result' in call.outcome
      ? judgeResult(call, call.outcome.result, evidence)
      : judgeError(call, call.outcome.error, evidence),
    ...call.told.map((told) => judgeReason(call, told, evidence)),
  ].filter((problem) => problem !== undefined)
}

function judgeEnd({ told, outcome }: CallRecord): string | undefined {
  const types = told.map(({ event }) => event.type)
  if (types.filter((type) => ends.has(type)).length !== 1) return `not one event ends it: ${types.join()}`
  const last = told.at(-1)!.event
  if (!ends.has(last.type)) return `an event after the end: ${types.join()}`
  const attempts = told.flatMap(({ event }) => (event.type === 'attempt' ? [event.attempt] : []))
  if (attempts.some((attempt, index) => attempt !== index + 1)) {
    return `it counts its attempts wrong: ${attempts.join()}`
  }
  const same =
    last.type === 'resolved'
      ? 'result' in outcome && outcome.result.revision === last.revision
      : 'error' in outcome &&
        outcome.error === (last.type === 'failed' ? last.error : last.type === 'aborted' && last.reason)
  return same ? undefined : `it ended otherwise than its last event says: ${last.type}`
}

function judgeTime(call: CallRecord, { lateMs }: Evidence): string | undefined {
  const { plan, startedAt, endedAt, abortedAt } = call
  const over = Math.min(startedAt + (plan.options.timeoutMs ?? Infinity), abortedAt ?? Infinity)
  const late = endedAt - over - lateMs(over, endedAt)
  return late > slackMs ? `invariant 5: it ended ${Math.round(late)} ms late` : undefined
}

function judgeResult(call: CallRecord, result: ResolvedAddresses, evidence: Evidence): string | undefined {
  const { plan, startedAt, endedAt, abortedAt, told } = call
  const { addresses, revision, attempts, elapsedMs } = result
  const problem = malformed(result) ?? unmet(plan, addresses)
  if (problem !== undefined) return problem
  if (abortedAt !== undefined && abortedAt < told.at(-1)!.at) return 'invariant 5: it was aborted, and resolved'
  if (attempts > (plan.options.retry?.maxAttempts ?? Infinity)) return `it made ${attempts} attempts`
  if (Math.abs(elapsedMs - (endedAt - startedAt)) > slackMs + evidence.lateMs(startedAt, endedAt)) {
    return `elapsedMs is ${elapsedMs}`
  }
  const { endpoints } = plan
  if (endpoints.every((each) => each === learner)) return 'invariant 7: a learner has given a list'
  if (endpoints.every((each) => each === learner || evidence.cutOff(each, startedAt, endedAt))) {
    return 'invariant 7: a member without peers has given a list'
  }
  return untrue(evidence.history, Number(revision), addresses, startedAt, endedAt, plan.options.settleMs ?? 0)
}

/** What of its conditions a list does not meet. */
export function unmet(
  { options: { minAddresses = 1, expect = [] } }: CallPlan,
  addresses: readonly string[],
): string | undefined {
  if (addresses.length < minAddresses) return `${addresses.length} addresses are fewer than ${minAddresses}`
  const missing = expect.find(
    (wanted) => !addresses.some((address) => address === wanted || address.startsWith(`${wanted}:`)),
  )
  return missing === undefined ? undefined : `${missing} is expected, and is not in ${addresses.join()}`
}

/** Why this cannot have been the list between two moments, for `settleMs` up to the second of them. */
export function untrue(
  history: History,
  revision: number,
  addresses: readonly string[],
  start: number,
  end: number,
  settleMs: number,
): string | undefined {
  const { states } = history
  const found = history.find(revision, start, end)
  if (found.length === 0) {
    const known = states.some((state) => state.revision === revision)
    return `invariant 2: revision ${revision} was not the key's state ${known ? 'then' : 'ever'}: ${addresses.join()}`
  }
  const same = found.filter((index) => states[index]!.addresses.join() === addresses.join())
  if (same.length === 0) {
    const { kind, addresses: others } = states[found[0]!]!
    return `revision ${revision} is ${kind} ${others.join()}, and not ${addresses.join()}`
  }
  const settled = Math.max(...same.map((index) => end - Math.max(sameSince(states, index), start)))
  return settled + 1 < settleMs ? `the list had settled for ${Math.round(settled)} ms of ${settleMs}` : undefined
}

/** Since when the list had been the same, at that state. */
function sameSince(states: readonly State[], index: number): number {
  let first = index
  while (sameList(states[first - 1], states[index]!)) first--
  return states[first]!.since
}

const sameList = (a: State | undefined, b: State) => a?.kind === 'list' && a.addresses.join() === b.addresses.join()

function judgeError(call: CallRecord, error: unknown, { history }: Evidence): string | undefined {
  const { plan, startedAt, endedAt, abortedAt, reason } = call
  if (abortedAt !== undefined) {
    return error === reason ? undefined : `it was aborted, and failed otherwise: ${String(error)}`
  }
  if (!(error instanceof ApiserverAddressError)) return `it failed with ${String(error)}`
  const { code, attempts, message } = error
  if (/[\p{Cc}\u2028]|PRIVATE KEY/u.test(message)) return `its message is not one line for people: ${message}`
  const { timeoutMs = 0, retry } = plan.options
  switch (code) {
    case 'DEADLINE_EXCEEDED':
      return endedAt - startedAt < timeoutMs - 1 ? `it ended before its deadline: ${message}` : undefined
    case 'ATTEMPTS_EXHAUSTED':
      return attempts === retry?.maxAttempts ? undefined : `it gave up too soon: ${message}`
    case 'REJECTED': {
      const { reason: why } = error
      // The learner does not follow when etcd's authority is replaced.
      if (why === 'tls-rejected' && plan.endpoints.every((each) => each === learner)) return undefined
      const rubbish = why === 'invalid-value' && history.during(startedAt, endedAt).some(({ kind }) => kind === why)
      return rubbish ? undefined : `it was given up for no good reason: ${message}`
    }
    default:
      return `it failed with ${code}: ${message}`
  }
}

/** What etcd is said to have said: whether it can have. */
function judgeReason(
  { plan, startedAt, told }: CallRecord,
  { at, event }: Told,
  evidence: Evidence,
): string | undefined {
  if (event.type !== 'retry') return undefined
  const { reason } = event
  const during = evidence.history.during(startedAt, at)
  if (reason !== 'not-set' && reason !== 'incomplete') return undefined
  const read = told.findLast((each) => each.at <= at && each.event.type === 'attempt')?.at ?? startedAt
  if (plan.endpoints.every((each) => each === learner || evidence.cutOff(each, read, at))) {
    return `invariant 7: a learner, or a member without peers, has said ${reason}`
  }
  if (reason === 'not-set') {
    return during.some(({ kind }) => kind === reason)
      ? undefined
      : 'invariant 7: it was told that nothing is set, and something was'
  }
  const short = (state: State) =>
    state.kind === 'list' && (unmet(plan, state.addresses) !== undefined || (plan.options.settleMs ?? 0) > 0)
  return during.some(short) ? undefined : 'it was told that the list is incomplete, and it was not'
}
