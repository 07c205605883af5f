import type { Reason } from '../errors.ts'
import { Failure } from '../sources/failure.ts'

/** How long a watch that has a list retries, in milliseconds, where that is longer than a call without a list does. */
const longestRetryMs: Partial<Record<Reason, number>> = {
  // The writer may correct the value.
  'invalid-value': Infinity,
  // Certificates may be rotated for minutes, until the last server has started again.
  'tls-rejected': 600_000,
}

/**
 * Returns the failure with the longer retry time of a watch that has a list, because its last list stays useful. Returns
 * any other error unchanged.
 */
export function retriedForLonger(error: unknown): unknown {
  if (!(error instanceof Failure)) return error
  const retryForMs = Math.max(error.retryForMs, longestRetryMs[error.reason] ?? 0)
  return retryForMs === error.retryForMs ? error : error.retriedFor(retryForMs)
}
