import { sourceDefaults } from '../../src/sources/defaults.ts'
import { SeededRandom } from '../../test/support/random.ts'
import { Arrivals } from './arrivals.ts'
import type { KubernetesInputs } from './kubernetes-inputs.ts'
import type { Strategy } from './strategies.ts'

/** A restart of apiservers that all nodes watch. Times are counted from the moment when the first connection ends. */
export interface Restart {
  readonly nodes: number
  readonly apiservers: number
  /** How many of the apiservers restart. */
  readonly restarting: number
  /** How long these are away. */
  readonly awayMs: number
  /** The period in which the connections end. */
  readonly spreadMs: number
  /** How long an attempt waits for an apiserver. An attempt that is given up costs the apiserver nothing. */
  readonly attemptTimeoutMs: number
}

export const restart: Omit<Restart, 'nodes' | 'restarting'> = {
  apiservers: 3,
  awayMs: 30_000,
  spreadMs: 1000,
  attemptTimeoutMs: sourceDefaults.kubernetes.attemptTimeoutMs,
}

export interface RestartOutcome {
  /** Connects in the busiest second, at all apiservers together, also those that are refused. */
  readonly peakConnectsPerSecond: number
  /** Lists and watches that arrive at one apiserver in its busiest second. */
  readonly peakRequestsPerSecond: number
  /** The work that arrives at one apiserver in its busiest second, where 1 is what one processor does in a second. */
  readonly peakLoad: number
  /** All connects for each node that has lost its watch. */
  readonly connectsPerNode: number
  /** The time from the moment when an apiserver can be reached until half of these nodes watch again. */
  readonly medianDelayMs: number
  /** The time until the last of these nodes watches again. */
  readonly lastDelayMs: number
}

/**
 * Simulates the nodes whose watches have ended. Each connects to one of the apiservers that can be reached, lists, and
 * watches. An apiserver is a queue with one processor. The network takes no time. The same seed gives the same outcome.
 */
export function simulateRestart(
  event: Restart,
  strategy: Strategy,
  inputs: KubernetesInputs,
  seed = 1,
): RestartOutcome {
  const simulation = new RestartSimulation(event, strategy, inputs, seed)
  simulation.run()
  return simulation.outcome()
}

class RestartSimulation {
  readonly #event: Restart
  readonly #strategy: Strategy
  readonly #workMs: number
  readonly #random: () => number
  readonly #arrivals = new Arrivals()
  /** The number of nodes that have lost their watch. */
  readonly #lost: number
  /** Failed attempts of each node in a row. */
  readonly #failures: Uint32Array
  /** The apiservers. */
  readonly #busyUntil: number[]
  readonly #requests: Counter[]
  readonly #work: Counter[]
  readonly #connects = new Counter()
  /** The time when each node watches again. */
  readonly #watchingAt: number[] = []

  constructor(event: Restart, strategy: Strategy, inputs: KubernetesInputs, seed: number) {
    const { nodes, apiservers, restarting } = event
    this.#event = event
    this.#strategy = strategy
    this.#workMs = (inputs.connectUs + inputs.listUs + inputs.watchUs) / 1000
    const random = new SeededRandom(seed)
    this.#random = () => random.random()
    this.#lost = Math.round((nodes * restarting) / apiservers)
    this.#failures = new Uint32Array(this.#lost)
    this.#busyUntil = Array.from({ length: apiservers }, () => 0)
    this.#requests = this.#busyUntil.map(() => new Counter())
    this.#work = this.#busyUntil.map(() => new Counter())
  }

  run(): void {
    const { spreadMs } = this.#event
    for (let node = 0; node < this.#lost; node++) this.#retry(this.#random() * spreadMs, node)
    for (let next = this.#arrivals.next(); next !== undefined; next = this.#arrivals.next()) this.#attempt(...next)
  }

  #attempt(at: number, node: number): void {
    const { apiservers, attemptTimeoutMs } = this.#event
    this.#connects.add(at, 1)
    const first = this.#firstReachable(at)
    if (first === apiservers) return this.#retry(at, node)
    const chosen = first + Math.floor(this.#random() * (apiservers - first))
    const startedAt = Math.max(this.#busyUntil[chosen]!, at)
    if (startedAt - at > attemptTimeoutMs) return this.#retry(at + attemptTimeoutMs, node)
    this.#requests[chosen]!.add(at, 2)
    this.#work[chosen]!.add(at, this.#workMs)
    this.#busyUntil[chosen] = startedAt + this.#workMs
    this.#watchingAt.push(startedAt + this.#workMs)
  }

  /** Returns the index of the first apiserver that can be reached. Those that restart come first. */
  #firstReachable(at: number): number {
    return at < this.#event.awayMs ? this.#event.restarting : 0
  }

  /** Schedules the next attempt of a node after one that has ended. */
  #retry(endedAt: number, node: number): void {
    this.#arrivals.add(endedAt + this.#strategy.delayMs(this.#failures[node]!++, this.#random), node)
  }

  outcome(): RestartOutcome {
    const { apiservers, awayMs, restarting } = this.#event
    const watchingAt = this.#watchingAt.toSorted((a, b) => a - b)
    const reachableAt = restarting === apiservers ? awayMs : 0
    return {
      peakConnectsPerSecond: this.#connects.peak,
      peakRequestsPerSecond: Math.max(...this.#requests.map(({ peak }) => peak)),
      peakLoad: Math.max(...this.#work.map(({ peak }) => peak)) / 1000,
      connectsPerNode: this.#connects.sum / this.#lost,
      medianDelayMs: watchingAt[Math.floor((this.#lost - 1) / 2)]! - reachableAt,
      lastDelayMs: watchingAt.at(-1)! - reachableAt,
    }
  }
}

/** Sums up amounts by the second of their time. */
class Counter {
  readonly #seconds: number[] = []

  add(atMs: number, amount: number): void {
    const second = Math.floor(atMs / 1000)
    this.#seconds[second] = (this.#seconds[second] ?? 0) + amount
  }

  get peak(): number {
    return this.#seconds.reduce((most, amount) => Math.max(most, amount), 0)
  }

  get sum(): number {
    return this.#seconds.reduce((sum, amount) => sum + amount, 0)
  }
}
