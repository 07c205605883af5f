import { backoffDelay } from '../../src/call/backoff.ts'
import { defaults } from '../../src/call/defaults.ts'

/** How a node waits. */
export interface Strategy {
  readonly name: string
  /** Returns the pause in milliseconds after failed attempt number `n`, counted from 0. */
  readonly delayMs: (n: number, random: () => number) => number
  /** Whether the delay is counted from the start of an attempt and not from its end. */
  readonly fixedPeriod?: boolean
  /** Whether each attempt makes a connection of its own. */
  readonly reconnects?: boolean
  /** Whether the node watches the key after its first read. */
  readonly watches?: boolean
}

const backoff = (n: number, random: () => number) => backoffDelay(n, defaults.retry, random)

export const thisPackage: Strategy = { name: 'this package', delayMs: backoff, watches: true }

const withoutJitter: Strategy = {
  name: 'backoff without jitter',
  delayMs: (n) => Math.min(1000 * 2 ** n, 30_000),
}

export const strategies: readonly Strategy[] = [
  { name: "K3s's loop", delayMs: () => 5000, fixedPeriod: true, reconnects: true },
  withoutJitter,
  { name: 'this package, polling', delayMs: backoff },
  thisPackage,
]

/** How a node comes back to an apiserver. All of these watch. */
export const restartStrategies: readonly Strategy[] = [
  { name: 'every second', delayMs: () => 1000 },
  { name: 'every 5 s', delayMs: () => 5000 },
  withoutJitter,
  thisPackage,
]
