import { setTimeout as sleep } from 'node:timers/promises'
import { monotonicMs } from '../../processes.ts'
import { median, quantile } from '../../stats.ts'
import { SoakClient } from './client.ts'
import type { Held } from './client.ts'
import { startApiserver, startEtcd } from './servers.ts'
import type { SoakServer } from './servers.ts'

/** How often events happen: 100 times as often as in a cluster with much maintenance. */
export const rates = {
  /** Usual: every 25 s. */
  changeEveryMs: 250,
  /** Usual: every 20 s. */
  callEveryMs: 200,
  /** Usual: every 50 s. */
  watchEveryMs: 500,
  /** Usual: every 7 minutes. */
  changesPerRotation: 16,
  /** Usual: every 17 minutes. */
  changesPerOutage: 40,
  awayMs: 300,
}

export interface SoakSettings {
  readonly intervals: number
  readonly intervalMs: number
}

/** What one interval has measured. The process is sampled at its end, after a garbage collection. */
export interface Interval {
  readonly heapMb: number
  readonly rssMb: number
  readonly handles: number
  /** Milliseconds from a write until the watch yields it, except for the first write after an outage. */
  readonly p50Ms: number
  readonly p99Ms: number
  /** The median of the first writes after an outage, if there was one. */
  readonly recoveryMs?: number
}

export interface Soak {
  readonly intervalMs: number
  readonly changes: number
  readonly rotations: number
  readonly outages: number
  readonly calls: number
  readonly watches: number
  /** The types of the active resources at the end. */
  readonly handles: readonly string[]
  readonly intervals: readonly Interval[]
}

export interface Soaks {
  readonly etcd: Soak
  readonly kubernetes: Soak
}

/** Runs both sources at the same time, each with much more events than usual. */
export async function soak(settings: SoakSettings): Promise<Soaks> {
  const [etcd, kubernetes] = await Promise.all([run(startEtcd, settings), run(startApiserver, settings)])
  return { etcd, kubernetes }
}

async function run(start: () => Promise<SoakServer>, { intervals, intervalMs }: SoakSettings): Promise<Soak> {
  await using server = await start()
  await server.write(['10.0.0.1'])
  await using client = new SoakClient(server.where, rates)
  await client.received('10.0.0.1')

  const events = new Events(server, client)
  const measured: Interval[] = []
  let held: Held | undefined
  const startedAt = monotonicMs()
  while (measured.length < intervals) {
    const [delays, recoveries]: [number[], number[]] = [[], []]
    while (monotonicMs() < startedAt + (measured.length + 1) * intervalMs || delays.length === 0) {
      await sleep(rates.changeEveryMs)
      const { afterOutage, delayMs } = await events.next()
      ;(afterOutage ? recoveries : delays).push(delayMs)
    }
    held = await client.held()
    const { heapMb, rssMb, handles } = held
    const latency = { p50Ms: median(delays), p99Ms: quantile(delays, 0.99) }
    const recovery = recoveries.length > 0 && { recoveryMs: median(recoveries) }
    measured.push({ heapMb, rssMb, handles: handles.length, ...latency, ...recovery })
  }
  const { calls = 0, watches = 0, handles = [] } = held ?? {}
  return { intervalMs, ...events.counts, calls, watches, handles, intervals: measured }
}

/** The changes of the list, and the rotations and outages between them. */
class Events {
  readonly counts = { changes: 0, rotations: 0, outages: 0 }
  readonly #server: SoakServer
  readonly #client: SoakClient

  constructor(server: SoakServer, client: SoakClient) {
    this.#server = server
    this.#client = client
  }

  /** Writes a list, and waits until the watch yields it. Some writes come after a rotation or an outage. */
  async next(): Promise<{ afterOutage: boolean; delayMs: number }> {
    const n = ++this.counts.changes
    if (n % rates.changesPerRotation === 0) {
      this.counts.rotations++
      await this.#server.rotate()
    }
    const afterOutage = n % rates.changesPerOutage === 0
    if (afterOutage) {
      this.counts.outages++
      await this.#server.stop()
      await sleep(rates.awayMs)
      await this.#server.boot()
    }
    const addresses = addressesOf(n)
    const received = this.#client.received(addresses[0]!)
    // A failed write must not leave this rejection unhandled.
    received.catch(() => {})
    const sentAt = await this.#server.write(addresses)
    return { afterOutage, delayMs: (await received) - sentAt }
  }
}

/** Returns a list of one to five addresses, of which the first is new. */
export function addressesOf(n: number): string[] {
  const others = Array.from({ length: n % 5 }, (_, index) => `10.0.0.${index + 1}`)
  return [`10.${1 + (n >> 16)}.${(n >> 8) & 255}.${n & 255}`, ...others]
}
