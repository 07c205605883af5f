import { setTimeout as sleep } from 'node:timers/promises'
import { startEtcd } from '../test/support/etcd.ts'
import { checkLeaks } from '../test/support/leaks.ts'
import { startProxy } from '../test/support/net.ts'
import { SeededRandom } from '../test/support/random.ts'
import { Aftermath } from './aftermath.ts'
import { Calls } from './calls.ts'
import { Faults } from './faults.ts'
import type { World } from './faults.ts'
import { History } from './history.ts'
import { Journal, Violation } from './journal.ts'
import type { WatchEvidence } from './judge-watch.ts'
import { Learner } from './learner.ts'
import { Ledger } from './ledger.ts'
import { planFaults } from './plan-faults.ts'
import type { Fault } from './plan-faults.ts'
import { Pulse } from './pulse.ts'
import type { Summary } from './summary.ts'
import { WallClock } from './wall-clock.ts'
import { Watches } from './watches.ts'
import { planWrites } from './writer.ts'
import type { Step } from './writer.ts'

export interface CampaignOptions {
  readonly minutes: number
  /** All that is planned follows from it: faults, writes, calls, watches, and when. */
  readonly seed: number
  /** @default the one of the vitest project */
  readonly image?: string
}

const calmMs = 5000
/** What a round takes beside its faults. */
const settlingMs = 15_000

/**
 * Has everything happen at once to a real etcd, to its clients and to this process, and holds all that the package does
 * against what etcd says in the end. In rounds: faults, then peace in which all must be well again, then a judgement.
 *
 * @throws Violation what must not be
 */
export async function campaign(options: CampaignOptions): Promise<Summary> {
  using journal = new Journal(`seed-${options.seed}`)
  const onRejection = (reason: unknown) =>
    journal.violate('process', `invariant 6: unhandled rejection: ${String(reason)}`)
  process.on('unhandledRejection', onRejection)
  try {
    await using etcd = await startEtcd({ members: 3, ...(options.image !== undefined && { image: options.image }) })
    await using learner = await Learner.start(etcd)
    const proxies = [...(await Promise.all(etcd.endpoints.map((endpoint) => startProxy(endpoint)))), learner.proxy]
    using wallClock = new WallClock()
    using pulse = new Pulse()
    const history = new History()
    const ledger = new Ledger(etcd, history, journal)
    try {
      const world = { etcd, learner, proxies, ledger, wallClock, journal }
      const summary = await new Campaign(options, world, history, pulse).run()
      journal.discard()
      return summary
    } catch (error) {
      for (const member of etcd.members) journal.note(member.name, 'log', { end: (await member.logs()).slice(-20_000) })
      throw error instanceof Violation ? error : new Error(`it cannot go on, see ${journal.file}`, { cause: error })
    } finally {
      for (const proxy of proxies) await proxy.close()
    }
  } finally {
    process.off('unhandledRejection', onRejection)
  }
}

class Campaign {
  readonly #options: CampaignOptions
  readonly #world: World
  readonly #pulse: Pulse
  readonly #dice: SeededRandom
  readonly #faults: Faults
  readonly #calls: Calls
  readonly #watches: Watches
  readonly #aftermath: Aftermath
  readonly #plannedFaults: Iterator<Fault, never>
  readonly #plannedWrites: Iterator<Step, never>
  readonly #writes: Record<string, number> = {}
  #calm: { readonly from: number; readonly to: number } | undefined
  #rounds = 0

  constructor(options: CampaignOptions, world: World, history: History, pulse: Pulse) {
    this.#options = options
    this.#world = world
    this.#pulse = pulse
    this.#dice = new SeededRandom(options.seed)
    this.#faults = new Faults(world)
    const evidence: WatchEvidence = {
      history,
      lateMs: (start, end) => pulse.lateMs(start, end),
      cutOff: (member, start, end) => this.#faults.cutOff(member, start, end),
      calm: (start, end) => this.#calm !== undefined && this.#calm.from <= start && this.#calm.to >= end,
    }
    const connection = (endpoints: readonly number[]) => ({
      endpoints: endpoints.map((index) => world.proxies[index]!.endpoint),
      tls: world.etcd.tls,
    })
    this.#calls = new Calls(this.#dice.fork('calls'), connection, world.journal, evidence)
    this.#watches = new Watches(this.#dice.fork('watches'), connection, world.journal, evidence)
    this.#aftermath = new Aftermath(world, history, this.#watches, pulse, this.#dice.fork('aftermath'))
    this.#plannedFaults = planFaults(this.#dice.fork('faults'))
    this.#plannedWrites = planWrites(this.#dice.fork('writes'))
  }

  async run(): Promise<Summary> {
    const { journal } = this.#world
    using leaks = checkLeaks()
    const startedAt = performance.now()
    const endsAt = startedAt + this.#options.minutes * 60_000
    const rounds = this.#dice.fork('rounds')
    this.#watches.start(3, 5)
    try {
      do {
        const left = endsAt - performance.now() - calmMs - settlingMs
        await this.#round(Math.max(5000, Math.min(rounds.size(10_000, 60_000), left)))
      } while (performance.now() < endsAt - calmMs - settlingMs)
    } finally {
      await Promise.allSettled([this.#faults.end(), this.#watches.end(), this.#calls.end()])
    }
    this.#judge()
    await this.#aftermath.nothingIsLeft()
    await leaks.expectNone().catch((error: Error) => journal.violate('process', `invariant 6: ${error.message}`))
    if (journal.violation !== undefined) throw journal.violation
    return {
      seed: this.#options.seed,
      minutes: (performance.now() - startedAt) / 60_000,
      rounds: this.#rounds,
      faults: this.#faults.counts,
      writes: this.#writes,
      calls: this.#calls.outcomes,
      watches: this.#watches.count,
      changes: this.#watches.changes,
      longestRecoveryMs: Math.round(this.#aftermath.longestRecoveryMs),
      slowestPushMs: Math.round(this.#watches.slowestPushMs),
      heapGrowthBytes: this.#aftermath.heapGrowthBytes,
    }
  }

  async #round(faultsMs: number): Promise<void> {
    this.#rounds++
    await this.#during(faultsMs, (signal) => [this.#write(signal), this.#calls.run(signal), this.#harm(signal)])
    await this.#faults.end()
    await this.#aftermath.converge(this.#rounds)
    await this.#calls.end()
    await this.#aftermath.steady()
    const from = performance.now()
    await this.#during(calmMs, (signal) => [this.#write(signal), this.#calls.run(signal)])
    this.#calm = { from, to: performance.now() }
    await this.#calls.end()
    await this.#world.ledger.complete()
    this.#judge()
    this.#faults.forget()
    this.#pulse.forget(from)
  }

  async #during(ms: number, jobs: (signal: AbortSignal) => Promise<void>[]): Promise<void> {
    const over = new AbortController()
    const running = Promise.all(jobs(over.signal))
    try {
      await Promise.race([sleep(ms, undefined, { signal: over.signal }), running, this.#world.journal.violated])
    } finally {
      over.abort()
      await running
    }
  }

  async #harm(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const fault = this.#plannedFaults.next().value
      await sleep(fault.afterMs, undefined, { signal }).catch(() => {})
      if (!signal.aborted) this.#faults.start(fault)
    }
  }

  async #write(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const { afterMs, kind, write, member } = this.#plannedWrites.next().value
      await sleep(afterMs, undefined, { signal }).catch(() => {})
      if (signal.aborted) return
      const done = await this.#world.ledger.write(write, (members) => members[Math.floor(member * members.length)])
      const counted = done === undefined ? 'without an answer' : kind
      this.#writes[counted] = (this.#writes[counted] ?? 0) + 1
    }
  }

  #judge(): void {
    this.#calls.settle()
    this.#watches.settle()
    if (this.#world.journal.violation !== undefined) throw this.#world.journal.violation
  }
}
