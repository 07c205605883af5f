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

/** Milliseconds between two reads while a watch is open, 60 to 90 s: a watch can go silent without an error. */
export const resyncMs = (clock: Clock): number => 60_000 * (1 + clock.random() / 2)
