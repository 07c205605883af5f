import type { ByPeer } from './baselines.ts'
import type { ColdStart, Program } from './scenarios/cold-start.ts'
import type { ByAddresses, ByWaiters } from './scenarios/growth.ts'
import type { Herd } from './scenarios/herd.ts'
import type { Cost } from './scenarios/idle.ts'
import type { Memory } from './scenarios/memory.ts'
import type { Throughput } from './scenarios/throughput.ts'
import type { Inputs } from './simulation.ts'

/** All that a run has measured. */
export interface Results {
  readonly quick: boolean
  readonly date: string
  readonly machine: string
  readonly versions: readonly string[]
  readonly minutes: number
  /** What `--only` left out is absent. */
  readonly measured: {
    readonly coldStart?: Record<Program, ColdStart>
    readonly wake?: ByPeer<number[]>
    readonly herd?: ByPeer<Herd>
    readonly byAddresses?: ByAddresses[]
    readonly byWaiters?: ByWaiters[]
    readonly throughput?: Throughput
    readonly inputs?: Inputs
    readonly recovery?: ByPeer<number[]>
    readonly waiting?: ByPeer<Cost[]>
    readonly outage?: ByPeer<Cost>
    readonly reopen?: ByPeer<number[]>
    readonly memory?: Memory
  }
}

/** How long the periods of `waiting` and `outage` were, so that both can be told a minute. */
export const periodsMs = { quick: { waiting: 20_000, outage: 20_000 }, full: { waiting: 60_000, outage: 180_000 } }
