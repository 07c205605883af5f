import type { Reason } from '../errors.ts'
import type { Prober } from '../probe/prober.ts'
import type { Source } from '../sources/source.ts'
import type { Clock } from '../util/clock.ts'
import type { Call } from './call.ts'
import type { Config } from './config.ts'

/** The parts that one call or watch works with. */
export interface CallContext {
  readonly call: Call
  readonly source: Source
  readonly prober: Prober
  readonly config: Config
  readonly clock: Clock
}

/**
 * Returns the milliseconds until the next read while a watch is open, 60 to 90 s. A watch can stop
 * delivering changes without an error, and this read finds them.
 */
export const relistMs = (clock: Clock): number => 60_000 * (1 + clock.random() / 2)

/** Returns whether a connection may be established after a failed attempt, so that the next one need not wait. */
export const mayConnect = (source: Source, reason: Reason): boolean =>
  reason === 'timeout' || source.wakesAfterFailure === true
