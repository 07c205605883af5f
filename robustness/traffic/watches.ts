import { setTimeout as sleep } from 'node:timers/promises'
import type { SeededRandom } from '../../test/support/random.ts'
import { WatchClient } from '../client/watch.ts'
import type { Environment } from '../environment.ts'
import { learner } from '../random/options.ts'
import { randomWatch } from '../random/watches.ts'
import type { WatchEndRecord } from '../report/records.ts'
import type { Report } from '../report/report.ts'
import type { ValidationContext } from '../validate/context.ts'
import { validateRead } from '../validate/read.ts'
import { validateWatchEnd } from '../validate/watch-end.ts'
import { WatchValidator } from '../validate/watch.ts'

interface Watch {
  readonly client: WatchClient
  readonly validator: WatchValidator
  /** How the watch ended, if it has ended. */
  end: WatchEndRecord | undefined
}

/** Keeps several watches open, and validates them. Some are permanent; where another one ends, a new one starts. */
export class WatchTraffic {
  readonly #environment: Environment
  readonly #context: ValidationContext
  readonly #report: Report
  readonly #random: SeededRandom
  readonly #ended = new AbortController()
  readonly #slots: Promise<void>[] = []
  /** Resolves when watches may start. */
  #mayStart: Promise<void> = Promise.resolve()
  #watches: Watch[] = []
  /** The number of watches so far. */
  count = 0
  /** The number of changes that the readers got. */
  changes = 0
  slowestPushMs = 0

  constructor(environment: Environment, context: ValidationContext, random: SeededRandom) {
    this.#environment = environment
    this.#context = context
    this.#report = environment.report
    this.#random = random
  }

  start(permanent: number, others: number): void {
    for (let slot = 0; slot < permanent + others; slot++) this.#slots.push(this.#runSlot(slot, slot < permanent))
  }

  async #runSlot(slot: number, permanent: boolean): Promise<void> {
    const { signal } = this.#ended
    for (let n = 0; !signal.aborted; n++) {
      const random = this.#random.fork(`${slot}.${n}`)
      const scenario = randomWatch(random, permanent, this.#environment.source)
      await sleep(scenario.afterMs, undefined, { signal }).catch(() => {})
      await this.#mayStart
      if (signal.aborted) return
      const connection = this.#environment.connection(scenario.endpoints)
      const client = new WatchClient(`watch ${slot}.${n}`, scenario, connection, random, this.#report)
      const watch: Watch = { client, validator: new WatchValidator(client, this.#context), end: undefined }
      this.count++
      this.#watches.push(watch)
      watch.end = await client.run()
    }
  }

  /** Runs a check during which no watch starts, so that the watches that are open come to rest. */
  async withoutStarts(check: () => Promise<void>): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#mayStart = promise
    await check().finally(resolve)
  }

  /** The watches that are open and can get a list: a watch of the learner alone never gets one. */
  get following(): WatchClient[] {
    return this.#watches
      .filter(({ client, end }) => end === undefined && client.scenario.endpoints.some((each) => each !== learner))
      .map(({ client }) => client)
  }

  /** Validates what has happened since the last validation. The history must be complete up to now. */
  validate(): void {
    for (const watch of this.#watches) this.#validate(watch)
    this.#watches = this.#watches.filter(({ end }) => end === undefined)
  }

  #validate({ client, validator, end }: Watch): void {
    const violate = (problem: string | undefined, at: number) => {
      if (problem !== undefined) this.#report.violate(client.actor, problem, at)
    }
    for (const observed of client.takeEvents()) {
      for (const problem of validator.validate(observed)) violate(problem, observed.at)
    }
    for (const read of client.takeReads()) {
      this.changes++
      violate(validateRead(read), read.at)
    }
    if (end !== undefined) {
      for (const problem of validateWatchEnd(end, this.#context)) violate(problem, end.endedAt)
    }
    this.slowestPushMs = Math.max(this.slowestPushMs, validator.slowestPushMs)
  }

  /** Ends all watches. */
  async end(): Promise<void> {
    this.#ended.abort()
    await Promise.all(this.#watches.map(({ client }) => client.end()))
    await Promise.all(this.#slots)
  }
}
