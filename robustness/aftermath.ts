import { setTimeout as sleep } from 'node:timers/promises'
import { parseOptions } from '../src/call/config.ts'
import { heapUsed } from '../test/support/heap.ts'
import type { SeededRandom } from '../test/support/random.ts'
import type { World } from './faults.ts'
import type { History } from './history.ts'
import type { LiveWatch } from './live-watch.ts'
import type { Pulse } from './pulse.ts'
import type { Watches } from './watches.ts'
import { listOf, servers } from './writer.ts'

/** grpc-js finds out by then that the flow under a watch is dead. */
const keepaliveMs = 15_000
const maxHeapGrowth = 20 << 20

/** How things have to be when all faults are over. */
export class Aftermath {
  readonly #world: World
  readonly #history: History
  readonly #watches: Watches
  readonly #pulse: Pulse
  readonly #dice: SeededRandom
  readonly #heap: number[] = []
  /** From the first write after the last fault until all watches had its list, at most. */
  longestRecoveryMs = 0

  constructor(world: World, history: History, watches: Watches, pulse: Pulse, dice: SeededRandom) {
    this.#world = world
    this.#history = history
    this.#watches = watches
    this.#pulse = pulse
    this.#dice = dice
  }

  /** Since the first time. How much there is at one moment is chance: it is the least of the last few times. */
  get heapGrowthBytes(): number {
    return Math.min(...this.#heap.slice(-5)) - this.#heap[0]!
  }

  /** All is well again: every watch must come to the last list, and its reader too. */
  async converge(round: number): Promise<void> {
    const { journal, ledger } = this.#world
    const marker = `10.9.${round >> 8}.${round & 255}:6443`
    const last = listOf([...servers, marker], this.#dice)
    const list = last.addresses.join()
    const has = (watch: LiveWatch) => watch.latest?.list.addresses.join() === list
    for (let from = 0; ; await sleep(50)) {
      // A write that failed may come true after all, and later than others.
      while (this.#history.last.text !== last.text) {
        await ledger.write(last, (members) => this.#dice.pick(members))
        await ledger.complete()
        from = this.#history.last.since
      }
      const { following } = this.#watches
      if (following.every((watch) => has(watch) && watch.upToDate)) {
        const recovered = following.filter(({ startedAt }) => startedAt < from).map((watch) => watch.latest!.at - from)
        this.longestRecoveryMs = Math.max(this.longestRecoveryMs, ...recovered)
        return
      }
      await ledger.complete()
      for (const watch of following) {
        const since = Math.max(from, watch.startedAt)
        const tookMs = performance.now() - since - this.#pulse.lateMs(since, performance.now())
        if (tookMs > retryForMs(watch) && !(has(watch) && watch.upToDate)) {
          journal.violate(watch.who, `it has not come to the last list, ${list}, in ${Math.round(tookMs)} ms`)
        }
      }
      if (journal.violation !== undefined) throw journal.violation
    }
  }

  /** Nothing happens: each watch has one connection and one stream, and memory does not grow. */
  async steady(): Promise<void> {
    await this.#expectConnections(() => this.#watches.following.length)
    await this.#expectHeap()
  }

  async nothingIsLeft(): Promise<void> {
    await this.#expectConnections(() => 0)
    await this.#expectHeap()
  }

  async #expectHeap(): Promise<void> {
    const { journal } = this.#world
    // What has a finalizer goes with the second collection.
    heapUsed()
    await sleep(50)
    this.#heap.push(heapUsed())
    journal.note('process', 'heap', { bytes: this.#heap.at(-1) })
    if (this.heapGrowthBytes > maxHeapGrowth) {
      journal.violate('process', `invariant 6: the heap has grown by ${this.heapGrowthBytes} bytes`)
    }
  }

  async #expectConnections(expected: () => number): Promise<void> {
    const { etcd, proxies, journal } = this.#world
    const deadline = performance.now() + 15_000
    for (;;) {
      const metrics = await Promise.all(etcd.members.map((member) => member.metrics()))
      const streams = metrics.reduce((sum, metric) => sum + metric('etcd_debugging_mvcc_watch_stream_total'), 0)
      const connections = proxies.slice(0, 3).reduce((sum, { open }) => sum + open, 0)
      const wanted = expected()
      if (streams === wanted && connections === wanted) return
      if (performance.now() > deadline) {
        return journal.violate(
          'process',
          `invariant 6: ${connections} connections and ${streams} streams for ${wanted} watches`,
        )
      }
      await sleep(100)
    }
  }
}

/** After the last fault, a watch has the last list, and its reader too, in this time. */
function retryForMs({ plan: { options, readMs } }: LiveWatch): number {
  const { attemptTimeoutMs, retry, settleMs, shrinkDelayMs } = parseOptions(options, 'watch')
  return keepaliveMs + attemptTimeoutMs + retry.maxDelayMs + settleMs + shrinkDelayMs + readMs + 3000
}
