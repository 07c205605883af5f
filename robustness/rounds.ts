import { setTimeout as sleep } from 'node:timers/promises'
import { checkLeaks } from '../test/support/leaks.ts'
import { SeededRandom } from '../test/support/random.ts'
import type { Environment } from './environment.ts'
import { FaultInjector } from './failpoint/injector.ts'
import type { Fault } from './random/faults.ts'
import type { EventLoopDelay } from './report/event-loop-delay.ts'
import type { Summary } from './report/summary.ts'
import { CallTraffic } from './traffic/calls.ts'
import { WatchTraffic } from './traffic/watches.ts'
import { WriteTraffic } from './traffic/writes.ts'
import type { ValidationContext } from './validate/context.ts'
import type { Limits } from './validate/limits.ts'
import { RecoveryValidator } from './validate/recovery.ts'
import { ResourceValidator } from './validate/resources.ts'

interface RoundsOptions {
  readonly seed: number
  readonly eventLoopDelay: EventLoopDelay
  readonly limits: Limits
}

/** The length of the part of a round in which no fault is active. Delays are judged only in this time. */
const faultFreeMs = 8000
/** A fault of an earlier round may still have consequences, and a watch may have waited since then. */
const rememberedMs = 300_000
/** An estimate of the time that a round takes for the recovery and its checks. */
const recoveryMs = 15_000

/** The rounds of a campaign. Each has a time of faults, a recovery, a time without faults, and a validation. */
export class Rounds {
  readonly #environment: Environment
  readonly #options: RoundsOptions
  readonly #random: SeededRandom
  readonly #faults: Iterator<Fault, never>
  readonly #injector: FaultInjector
  readonly #writes: WriteTraffic
  readonly #calls: CallTraffic
  readonly #watches: WatchTraffic
  readonly #recovery: RecoveryValidator
  readonly #resources: ResourceValidator
  #faultFree: { readonly from: number; readonly to: number } | undefined
  #count = 0

  constructor(environment: Environment, options: RoundsOptions) {
    const { source, history, report } = environment
    const { seed, eventLoopDelay, limits } = options
    const random = new SeededRandom(seed)
    const context: ValidationContext = {
      source,
      history,
      limits,
      eventLoopDelayMs: (start, end) => eventLoopDelay.totalMs(start, end),
      isOut: (endpoint, start, end) => this.#injector.outages.cover(endpoint, start, end),
      hadFault: (kinds, start, end) => this.#injector.times.wereActive(kinds, start, end),
      isFaultFree: (start, end) =>
        this.#faultFree !== undefined && this.#faultFree.from <= start && this.#faultFree.to >= end,
    }
    this.#environment = environment
    this.#options = options
    this.#random = random
    this.#faults = environment.plannedFaults(random.fork('faults'))
    this.#injector = new FaultInjector(environment)
    this.#writes = new WriteTraffic(environment.writes(random.fork('writes')))
    this.#calls = new CallTraffic(environment, context, random.fork('calls'))
    this.#watches = new WatchTraffic(environment, context, random.fork('watches'))
    this.#recovery = new RecoveryValidator(context, environment.store, report, random.fork('recovery'))
    this.#resources = new ResourceValidator(environment, limits)
  }

  async run(minutes: number): Promise<Summary> {
    const { report } = this.#environment
    using leaks = checkLeaks()
    const startedAt = performance.now()
    const lastStartAt = startedAt + minutes * 60_000 - faultFreeMs - recoveryMs
    const random = this.#random.fork('rounds')
    this.#watches.start(3, 5)
    try {
      do {
        const remainingMs = lastStartAt - performance.now()
        await this.#round(Math.max(5000, Math.min(random.size(10_000, 60_000), remainingMs)))
      } while (performance.now() < lastStartAt)
    } finally {
      await Promise.allSettled([this.#injector.stop(), this.#watches.end(), this.#calls.drain()])
    }
    this.#validate()
    await this.#resources.validate(() => 0)
    await leaks
      .expectNone(this.#options.limits.cleanupMs)
      .catch((error: Error) => report.violate('process', error.message))
    if (report.violation !== undefined) throw report.violation
    return this.#summarize(startedAt)
  }

  async #round(faultsMs: number): Promise<void> {
    this.#count++
    await this.#runFor(faultsMs, (signal) => [
      this.#writes.run(signal),
      this.#calls.run(signal),
      this.#injectFaults(signal),
    ])
    await this.#injector.stop()
    await this.#recovery.waitForRecovery(this.#count, () => this.#watches.following)
    await this.#calls.drain()
    await this.#watches.withoutStarts(() => this.#resources.validate(() => this.#watches.following.length))
    const from = performance.now()
    await this.#runFor(faultFreeMs, (signal) => [this.#writes.run(signal), this.#calls.run(signal)])
    this.#faultFree = { from, to: performance.now() }
    await this.#calls.drain()
    await this.#environment.store.updateHistory()
    this.#validate()
    this.#injector.outages.clear()
    this.#options.eventLoopDelay.forget(from)
    this.#injector.times.forget(from - rememberedMs)
  }

  /** Runs jobs until the time is over or a rule is broken. */
  async #runFor(ms: number, jobs: (signal: AbortSignal) => Promise<void>[]): Promise<void> {
    const stop = new AbortController()
    const running = Promise.all(jobs(stop.signal))
    try {
      const timer = sleep(ms, undefined, { signal: stop.signal })
      await Promise.race([timer, running, this.#environment.report.violated])
    } finally {
      stop.abort()
      await running
    }
  }

  async #injectFaults(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const fault = this.#faults.next().value
      await sleep(fault.afterMs, undefined, { signal }).catch(() => {})
      if (!signal.aborted) this.#injector.start(fault)
    }
  }

  #validate(): void {
    this.#calls.validate()
    this.#watches.validate()
    if (this.#environment.report.violation !== undefined) throw this.#environment.report.violation
  }

  #summarize(startedAt: number): Summary {
    return {
      seed: this.#options.seed,
      minutes: (performance.now() - startedAt) / 60_000,
      rounds: this.#count,
      faults: this.#injector.counts,
      writes: this.#writes.counts,
      calls: this.#calls.counts,
      watches: this.#watches.count,
      changes: this.#watches.changes,
      longestRecoveryMs: Math.round(this.#recovery.longestMs),
      slowestPushMs: Math.round(this.#watches.slowestPushMs),
      heapGrowthBytes: this.#resources.heapGrowthBytes,
    }
  }
}
