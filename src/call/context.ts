import type { Reason } from '../errors.ts'
import type { Prober } from '../probe/prober.ts'
import type { Failure } from '../sources/failure.ts'
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

/** Returns what may end the wait after a failure early: a connection that is established late; `undefined` if none can be. */
export const whenConnected = (source: Source, reason: Reason): (() => Promise<'connected'>) | undefined =>
  reason === 'timeout' || source.wakesAfterFailure === true
    ? () => source.whenConnected().then(() => 'connected' as const)
    : undefined

/** Returns what the call waits for when its time is over, given the last failure. */
export const pendingFailure = ({ prober, source }: CallContext, last: Failure | undefined): Failure | undefined =>
  prober.pending(last) ?? last ?? source.pending()
