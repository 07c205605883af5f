import type { SourceKind } from '../../src/sources/source.ts'
import type { History } from '../model/history.ts'
import type { FaultKind } from '../random/faults.ts'
import type { Limits } from './limits.ts'

/** What validators know beside the record that they validate. */
export interface ValidationContext {
  readonly source: SourceKind
  readonly history: History
  readonly limits: Limits
  /** Returns for how many milliseconds the event loop of this process was blocked from `start` to `end`. */
  readonly eventLoopDelayMs: (start: number, end: number) => number
  /** Returns whether the endpoint could not return a list during the whole time from `start` to `end`. */
  readonly isOut: (endpoint: number, start: number, end: number) => boolean
  /** Returns whether a fault of one of these kinds was active at some moment from `start` to `end`. */
  readonly hadFault: (kinds: readonly FaultKind[] | 'any', start: number, end: number) => boolean
  /** Returns whether no fault was active from `start` to `end`, and the cluster had recovered from earlier ones. */
  readonly isFaultFree: (start: number, end: number) => boolean
}
