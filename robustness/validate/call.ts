import type { CallRecord } from '../report/records.ts'
import type { ValidationContext } from './context.ts'
import { validateError } from './error.ts'
import { validateResult } from './result.ts'
import { validateRetryReason } from './retry-reason.ts'

const finalEvents = new Set(['resolved', 'failed', 'aborted'])

/** Returns what is wrong with a call that has settled. */
export function validateCall(call: CallRecord, context: ValidationContext): string[] {
  return [
    validateFinalEvent(call),
    validateAttemptNumbers(call),
    validateEndTime(call, context),
    'result' in call.outcome
      ? validateResult(call, call.outcome.result, context)
      : validateError(call, call.outcome.error, context.history),
    ...call.events.map((observed) => validateRetryReason(call, observed, context)),
    call.abortListeners > 0 ? 'a listener is left on the signal' : undefined,
  ].filter((problem) => problem !== undefined)
}

function validateFinalEvent({ events, outcome }: CallRecord): string | undefined {
  const types = events.map(({ event }) => event.type)
  const count = types.filter((type) => finalEvents.has(type)).length
  if (count !== 1) return `${count} final events instead of 1: ${types.join()}`
  const { event } = events.at(-1)!
  if (!finalEvents.has(event.type)) return `an event after the final one: ${types.join()}`
  const matches =
    event.type === 'resolved'
      ? 'result' in outcome && outcome.result.revision === event.revision
      : 'error' in outcome &&
        outcome.error === (event.type === 'failed' ? event.error : event.type === 'aborted' && event.reason)
  return matches ? undefined : `the outcome does not match the final event, ${event.type}`
}

function validateAttemptNumbers({ events }: CallRecord): string | undefined {
  const attempts = events.flatMap(({ event }) => (event.type === 'attempt' ? [event.attempt] : []))
  return attempts.some((attempt, index) => attempt !== index + 1)
    ? `attempts are not numbered from 1: ${attempts.join()}`
    : undefined
}

function validateEndTime(call: CallRecord, { limits, eventLoopDelayMs }: ValidationContext): string | undefined {
  const { scenario, startedAt, endedAt, abortedAt } = call
  const dueAt = Math.min(startedAt + (scenario.options.timeoutMs ?? Infinity), abortedAt ?? Infinity)
  const lateMs = endedAt - dueAt - eventLoopDelayMs(dueAt, endedAt)
  return lateMs > limits.endMs
    ? `settled ${Math.round(lateMs)} ms after ${abortedAt === dueAt ? 'the abort' : 'the deadline'}`
    : undefined
}
