import { ApiserverAddressError } from '../../src/index.ts'
import type { History } from '../model/history.ts'
import { learner } from '../random/options.ts'
import type { CallRecord } from '../report/records.ts'

/** Returns what is wrong with the error of a call. */
export function validateError(call: CallRecord, error: unknown, history: History): string | undefined {
  const { scenario, startedAt, endedAt, abortedAt, abortReason } = call
  if (abortedAt !== undefined) {
    return error === abortReason ? undefined : `aborted, but rejected with something else: ${String(error)}`
  }
  if (!(error instanceof ApiserverAddressError)) return `unexpected error: ${String(error)}`
  const { code, attempts, message } = error
  if (/[\p{Cc}\u2028]|PRIVATE KEY/u.test(message)) return `the message has control characters or a key: ${message}`
  const { timeoutMs = 0, retry } = scenario.options
  switch (code) {
    case 'DEADLINE_EXCEEDED':
      return endedAt - startedAt < timeoutMs - 1 ? `rejected before the deadline: ${message}` : undefined
    case 'ATTEMPTS_EXHAUSTED':
      return attempts === retry?.maxAttempts ? undefined : `gave up after ${attempts} attempts: ${message}`
    case 'REJECTED': {
      const { reason } = error
      // The learner keeps its certificate when the authority of etcd is replaced.
      if (reason === 'tls-rejected' && scenario.endpoints.every((each) => each === learner)) return undefined
      const invalid =
        reason === 'invalid-value' && history.possibleStates(startedAt, endedAt).some(({ kind }) => kind === reason)
      return invalid ? undefined : `rejected without cause: ${message}`
    }
    default:
      return `unexpected code ${code}: ${message}`
  }
}
