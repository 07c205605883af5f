import { sourceDefaults } from '../../src/sources/defaults.ts'
import { SeededRandom } from '../../test/support/random.ts'
import { Arrivals } from './arrivals.ts'
import type { Inputs } from './inputs.ts'
import type { Strategy } from './strategies.ts'

/** A start of all nodes at the same time. Times are counted from the start of the first node. */
export interface Boot {
  readonly nodes: number
  /** The period in which the nodes start. */
  readonly spreadMs: number
  /** The time when etcd starts to answer. Before, connections are refused. */
  readonly etcdAtMs: number
  /** The time when the key is written. */
  readonly keyAtMs: number
  /** How long a read waits for etcd. A read that is given up costs etcd nothing. */
  readonly attemptTimeoutMs: number
}

export const boot: Omit<Boot, 'nodes'> = {
  spreadMs: 1000,
  etcdAtMs: 30_000,
  keyAtMs: 90_000,
  attemptTimeoutMs: sourceDefaults.etcd.attemptTimeoutMs,
}

export interface Outcome {
  /** Reads that arrive at etcd in its busiest second before the write. */
  readonly peakReadsPerSecond: number
  /** Reads that arrive at etcd per second, on average from its start to the write. */
  readonly meanReadsPerSecond: number
  /** The work that arrives in the busiest second before the write, where 1 is what one processor does in a second. */
  readonly peakLoad: number
  /** The same, on average. */
  readonly meanLoad: number
  readonly openStreams: number
  readonly streamsMb: number
  /** The time from the write until half of the nodes have the list. */
  readonly medianDelayMs: number
  /** The time from the write until the last node has the list. */
  readonly lastDelayMs: number
}

/**
 * Simulates all nodes at one etcd, which is a queue with one processor: a request that arrives while etcd is busy waits.
 * The network takes no time. The same seed gives the same outcome.
 */
export function simulate(start: Boot, strategy: Strategy, inputs: Inputs, seed = 1): Outcome {
  const simulation = new Simulation(start, strategy, inputs, seed)
  simulation.run()
  return simulation.outcome()
}

class Simulation {
  readonly #start: Boot
  readonly #strategy: Strategy
  readonly #inputs: Inputs
  readonly #random: () => number
  readonly #arrivals = new Arrivals()
  /** Failed attempts of each node in a row. */
  readonly #failures: Uint32Array
  /** Whether each node has been answered, as 0 or 1. */
  readonly #connected: Uint8Array
  /** Reads that arrived in each second before the write. */
  readonly #reads: Float64Array
  /** Work that arrived in each second before the write. */
  readonly #workMs: Float64Array
  /** The time when each node got the list. */
  readonly #listAt: number[] = []
  #watching = 0
  #busyUntil: number

  constructor(start: Boot, strategy: Strategy, inputs: Inputs, seed: number) {
    this.#start = start
    this.#strategy = strategy
    this.#inputs = inputs
    const random = new SeededRandom(seed)
    this.#random = () => random.random()
    this.#failures = new Uint32Array(start.nodes)
    this.#connected = new Uint8Array(start.nodes)
    this.#reads = new Float64Array(Math.ceil(start.keyAtMs / 1000))
    this.#workMs = new Float64Array(this.#reads.length)
    this.#busyUntil = start.etcdAtMs
  }

  run(): void {
    const { nodes, spreadMs, keyAtMs } = this.#start
    for (let node = 0; node < nodes; node++) this.#arrivals.add(this.#random() * spreadMs, node)
    const writer = nodes
    this.#arrivals.add(keyAtMs, writer)
    for (let next = this.#arrivals.next(); next !== undefined; next = this.#arrivals.next()) {
      const [at, node] = next
      if (node === writer) this.#write(at)
      else this.#attempt(at, node)
    }
  }

  /** Sends one event after the other to the nodes that watch. */
  #write(at: number): void {
    this.#busyUntil = Math.max(this.#busyUntil, at)
    for (let i = 0; i < this.#watching; i++) this.#listAt.push((this.#busyUntil += this.#inputs.eventUs / 1000))
  }

  #attempt(at: number, node: number): void {
    const { etcdAtMs, keyAtMs, attemptTimeoutMs } = this.#start
    if (at < etcdAtMs) return this.#retry(at, at, node)
    const second = Math.floor(at / 1000)
    if (at < keyAtMs) this.#reads[second]!++
    if (this.#busyUntil - at > attemptTimeoutMs) return this.#retry(at, at + attemptTimeoutMs, node)
    const startedAt = Math.max(this.#busyUntil, at)
    this.#answer(at, node, startedAt)
    if (at < keyAtMs) this.#workMs[second]! += this.#busyUntil - startedAt
  }

  #answer(at: number, node: number, startedAt: number): void {
    const { readUs, connectUs, watchUs } = this.#inputs
    const { reconnects = false, watches = false } = this.#strategy
    const isFirst = this.#connected[node] === 0
    this.#connected[node] = 1
    const answeredAt = startedAt + (readUs + (reconnects || isFirst ? connectUs : 0)) / 1000
    this.#busyUntil = answeredAt
    if (answeredAt >= this.#start.keyAtMs) {
      this.#listAt.push(answeredAt)
    } else if (watches) {
      this.#busyUntil += watchUs / 1000
      this.#watching++
    } else {
      // The backoff starts again when etcd has answered for the first time.
      if (isFirst) this.#failures[node] = 0
      this.#retry(at, answeredAt, node)
    }
  }

  /** Schedules the next attempt of a node after one from `startedAt` to `endedAt`. */
  #retry(startedAt: number, endedAt: number, node: number): void {
    const { delayMs, fixedPeriod = false } = this.#strategy
    const delay = delayMs(this.#failures[node]!++, this.#random)
    this.#arrivals.add(fixedPeriod ? Math.max(startedAt + delay, endedAt) : endedAt + delay, node)
  }

  outcome(): Outcome {
    const { nodes, etcdAtMs, keyAtMs } = this.#start
    const listAt = this.#listAt.toSorted((a, b) => a - b)
    const seconds = (keyAtMs - etcdAtMs) / 1000
    const sum = (values: Float64Array) => values.reduce((a, b) => a + b)
    const max = (values: Float64Array) => values.reduce((a, b) => Math.max(a, b))
    return {
      peakReadsPerSecond: max(this.#reads),
      meanReadsPerSecond: sum(this.#reads) / seconds,
      peakLoad: max(this.#workMs) / 1000,
      meanLoad: sum(this.#workMs) / 1000 / seconds,
      openStreams: this.#watching,
      streamsMb: (this.#watching * this.#inputs.streamKb) / 1024,
      medianDelayMs: listAt[Math.floor((nodes - 1) / 2)]! - keyAtMs,
      lastDelayMs: listAt.at(-1)! - keyAtMs,
    }
  }
}
