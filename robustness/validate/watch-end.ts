import type { WatchEndRecord } from '../report/records.ts'
import type { ValidationContext } from './context.ts'

/** Returns what is wrong with the end of a watch. */
export function validateWatchEnd(end: WatchEndRecord, { limits, eventLoopDelayMs }: ValidationContext): string[] {
  const { method, requestedAt, endedAt, endedByItself, readerError, failure, abortReason } = end
  const problems: string[] = []
  const expectedError = endedByItself ? failure : method === 'abort' ? abortReason : undefined
  if (readerError !== expectedError) {
    problems.push(`the reader got the error ${String(readerError)} instead of ${String(expectedError)}`)
  }
  if (endedByItself && readerError === undefined) problems.push('the watch ended by itself, without an error')
  const tookMs = endedAt - requestedAt - eventLoopDelayMs(requestedAt, endedAt)
  if (tookMs > limits.endMs) problems.push(`${method} took ${Math.round(tookMs)} ms`)
  if (!end.closed) problems.push('the watch ended without the event closed')
  if (end.abortListeners > 0) problems.push('a listener is left on the signal')
  if (end.done !== true) problems.push('next() returned a value after the end')
  return problems
}
