import { backoffDelay } from '../src/call/backoff.ts'
import { parseOptions } from '../src/call/config.ts'
import { SeededRandom } from '../test/support/random.ts'

/** What etcd does for one client, in microseconds of one of its processors, and in memory; measured by inputs.ts. */
export interface Inputs {
  /** A linearizable read on a connection that stands. */
  readonly readUs: number
  /** A connection with mutual TLS. */
  readonly connectUs: number
  /** The start of a watch. */
  readonly watchUs: number
  /** One event to one watch. */
  readonly eventUs: number
  /** A connection with a watch on it, in KiB. */
  readonly streamKb: number
}

/** How a node waits. */
export interface Strategy {
  readonly name: string
  /** The pause after the nth failed attempt (n counts from 0), or the period where it is fixed. */
  readonly delayMs: (n: number, random: () => number) => number
  /** The delay is from the start of an attempt to that of the next. */
  readonly fixedPeriod?: boolean
  /** A connection for each attempt. */
  readonly reconnects?: boolean
  /** After the first answer etcd tells of changes. */
  readonly watches?: boolean
}

const { retry } = parseOptions({}, 'resolve')
const ours = (n: number, random: () => number) => backoffDelay(n, retry, random)

export const strategies: readonly Strategy[] = [
  { name: "K3s's loop", delayMs: () => 5000, fixedPeriod: true, reconnects: true },
  { name: 'backoff without jitter', delayMs: (n) => Math.min(1000 * 2 ** n, 30_000) },
  { name: 'this package, could it not watch', delayMs: ours },
  { name: 'this package', delayMs: ours, watches: true },
]

/** A boot of all nodes at once. Times are from the start of the first node. */
export interface Boot {
  readonly nodes: number
  /** The nodes start within this long. */
  readonly spreadMs: number
  /** Before, connections are refused. */
  readonly etcdAtMs: number
  /** From then on the key is there. */
  readonly keyAtMs: number
  /** A read that has waited this long for etcd is given up, and was no work for it. */
  readonly attemptTimeoutMs: number
}

export const boot: Omit<Boot, 'nodes'> = { spreadMs: 1000, etcdAtMs: 30_000, keyAtMs: 90_000, attemptTimeoutMs: 5000 }

export interface Outcome {
  /** Reads that arrive at etcd, in its busiest second and on average between its boot and the write of the key. */
  readonly peakReadsPerSecond: number
  readonly meanReadsPerSecond: number
  /** The share of one processor that etcd uses, in its busiest second and on average, before the write. */
  readonly peakLoad: number
  readonly meanLoad: number
  readonly openStreams: number
  readonly streamsMb: number
  /** From the write until half of the nodes, and the last one, know. */
  readonly medianKnowsMs: number
  readonly lastKnowsMs: number
}

/**
 * All nodes against one etcd, which is one queue with one processor: what arrives while it is busy waits its turn. The
 * network takes no time, and an attempt that is given up costs etcd nothing. The same seed gives the same outcome.
 */
export function simulate(start: Boot, strategy: Strategy, inputs: Inputs, seed = 1): Outcome {
  const { nodes, spreadMs, etcdAtMs, keyAtMs, attemptTimeoutMs } = start
  const { fixedPeriod = false, reconnects = false, watches = false, delayMs } = strategy
  const dice = new SeededRandom(seed)
  const random = () => dice.random()
  const failures = new Uint32Array(nodes)
  const connected = new Uint8Array(nodes)
  const reads = new Float64Array(Math.ceil(keyAtMs / 1000))
  const workMs = new Float64Array(reads.length)
  const knowsAt: number[] = []
  let busyUntil = etcdAtMs
  let watching = 0

  const arrivals = new Arrivals()
  for (let node = 0; node < nodes; node++) arrivals.add(random() * spreadMs, node)
  const write = nodes
  arrivals.add(keyAtMs, write)

  for (let next = arrivals.take(); next !== undefined; next = arrivals.take()) {
    const [at, node] = next
    if (node === write) {
      // One event after the other.
      busyUntil = Math.max(busyUntil, at)
      for (let i = 0; i < watching; i++) knowsAt.push((busyUntil += inputs.eventUs / 1000))
      continue
    }
    const failed = (endedAt: number) => {
      const delay = delayMs(failures[node]!++, random)
      arrivals.add(fixedPeriod ? Math.max(at + delay, endedAt) : endedAt + delay, node)
    }
    if (at < etcdAtMs) {
      failed(at)
      continue
    }
    const second = Math.floor(at / 1000)
    if (at < keyAtMs) reads[second]!++
    if (busyUntil - at > attemptTimeoutMs) {
      failed(at + attemptTimeoutMs)
      continue
    }
    const connects = reconnects || connected[node] === 0
    const startedAt = Math.max(busyUntil, at)
    const answeredAt = startedAt + (inputs.readUs + (connects ? inputs.connectUs : 0)) / 1000
    busyUntil = answeredAt
    if (answeredAt >= keyAtMs) knowsAt.push(answeredAt)
    else if (watches) {
      busyUntil += inputs.watchUs / 1000
      watching++
    } else {
      // The first answer is news, and the backoff starts again.
      if (connected[node] === 0) failures[node] = 0
      failed(answeredAt)
    }
    connected[node] = 1
    if (at < keyAtMs) workMs[second]! += busyUntil - startedAt
  }

  knowsAt.sort((a, b) => a - b)
  const [total, most] = [
    (values: Float64Array) => values.reduce((a, b) => a + b),
    (values: Float64Array) => values.reduce((a, b) => Math.max(a, b)),
  ]
  const seconds = (keyAtMs - etcdAtMs) / 1000
  return {
    peakReadsPerSecond: most(reads),
    meanReadsPerSecond: total(reads) / seconds,
    peakLoad: most(workMs) / 1000,
    meanLoad: total(workMs) / 1000 / seconds,
    openStreams: watching,
    streamsMb: (watching * inputs.streamKb) / 1024,
    medianKnowsMs: knowsAt[Math.floor((nodes - 1) / 2)]! - keyAtMs,
    lastKnowsMs: knowsAt.at(-1)! - keyAtMs,
  }
}

/** The largest of these sizes up to which, and with every smaller one, the outcome is acceptable. */
export function largest(sizes: readonly number[], acceptable: (nodes: number) => boolean): number | undefined {
  const index = sizes.findIndex((nodes) => !acceptable(nodes))
  return index === -1 ? sizes.at(-1) : sizes[index - 1]
}

/** Who comes when: the earliest first (a binary heap). */
class Arrivals {
  readonly #times: number[] = []
  readonly #who: number[] = []

  add(time: number, who: number): void {
    let index = this.#times.length
    for (let parent; index > 0 && this.#times[(parent = (index - 1) >> 1)]! > time; index = parent) {
      this.#move(parent, index)
    }
    this.#set(index, time, who)
  }

  take(): readonly [number, number] | undefined {
    const [time, who] = [this.#times[0], this.#who[0]]
    if (time === undefined || who === undefined) return undefined
    const [lastTime, lastWho] = [this.#times.pop()!, this.#who.pop()!]
    const size = this.#times.length
    if (size === 0) return [time, who]
    let index = 0
    for (;;) {
      let child = 2 * index + 1
      if (child >= size) break
      if (child + 1 < size && this.#times[child + 1]! < this.#times[child]!) child++
      if (this.#times[child]! >= lastTime) break
      this.#move(child, index)
      index = child
    }
    this.#set(index, lastTime, lastWho)
    return [time, who]
  }

  #move(from: number, to: number): void {
    this.#set(to, this.#times[from]!, this.#who[from]!)
  }

  #set(index: number, time: number, who: number): void {
    this.#times[index] = time
    this.#who[index] = who
  }
}
