import { getEventListeners } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { watchApiserverAddresses } from '../../src/index.ts'
import type { AddressChange, AddressList, ApiserverAddressWatch, WatchOptions } from '../../src/index.ts'
import type { SeededRandom } from '../../test/support/random.ts'
import type { WatchScenario } from '../random/watches.ts'
import type { ObservedEvent, ReadRecord, WatchEndRecord } from '../report/records.ts'
import type { Report } from '../report/report.ts'
import { observeEvents } from './observe.ts'

interface EmittedList {
  readonly at: number
  readonly list: AddressList
}

/** The number of older lists that are kept, to be compared with what the reader gets. */
const keptLists = 50

/** One watch and its reader. It records what a caller of the watch can see. */
export class WatchClient {
  readonly actor: string
  readonly scenario: WatchScenario
  readonly startedAt = performance.now()
  readonly abortReason = new Error('the caller aborted the watch')
  readonly #random: SeededRandom
  readonly #report: Report
  readonly #watch: ApiserverAddressWatch
  readonly #controller = new AbortController()
  readonly #endRequested = new AbortController()
  readonly #reading: Promise<{ readonly endedByItself: boolean; readonly error: unknown }>
  #events: ObservedEvent[] = []
  #reads: ReadRecord[] = []
  /** The last lists that the watch emitted. */
  #lists: EmittedList[] = []
  #listCount = 0
  #lastRead: AddressChange | undefined
  #failure: Error | undefined
  #closed = false
  #requestedAt: number | undefined
  #ending: Promise<WatchEndRecord> | undefined

  constructor(actor: string, scenario: WatchScenario, connection: WatchOptions, random: SeededRandom, report: Report) {
    this.actor = actor
    this.scenario = scenario
    this.#random = random
    this.#report = report
    report.record(actor, 'watch', scenario)
    const events = observeEvents((observed) => this.#observe(observed))
    const { signal } = this.#controller
    this.#watch = watchApiserverAddresses({ ...connection, ...scenario.options, events, signal })
    this.#reading = this.#readAll()
  }

  /** The list that the watch emitted last. */
  get latest(): EmittedList | undefined {
    return this.#lists.at(-1)
  }

  /** Whether the reader has the list that the watch emitted last. */
  get upToDate(): boolean {
    return this.#lastRead !== undefined && this.#lastRead.addresses.join() === this.latest?.list.addresses.join()
  }

  /** When the caller ended the watch. */
  get requestedAt(): number | undefined {
    return this.#requestedAt
  }

  /** Returns the events since the last call of this method. */
  takeEvents(): ObservedEvent[] {
    return this.#events.splice(0)
  }

  /** Returns what the reader got since the last call of this method. */
  takeReads(): ReadRecord[] {
    return this.#reads.splice(0)
  }

  /** Keeps the watch open for its lifetime, unless it ends by itself before. Resolves when it has ended. */
  async run(): Promise<WatchEndRecord> {
    const { signal } = this.#endRequested
    const { lifetimeMs } = this.scenario
    const lifetime = lifetimeMs === Infinity ? new Promise(() => {}) : sleep(lifetimeMs, undefined, { signal })
    await Promise.race([this.#reading, lifetime]).catch(() => {})
    return this.end()
  }

  /** Ends the watch in the way of its scenario. */
  end(): Promise<WatchEndRecord> {
    return (this.#ending ??= this.#end())
  }

  async #end(): Promise<WatchEndRecord> {
    const method = this.scenario.end
    const requestedAt = performance.now()
    this.#requestedAt = requestedAt
    this.#report.record(this.actor, method)
    this.#endRequested.abort()
    if (method === 'abort') this.#controller.abort(this.abortReason)
    else if (method === 'break') await this.#watch.return!()
    else if (method === 'dispose') await this.#watch[Symbol.asyncDispose]()
    else await this.#watch.close()
    const { endedByItself, error: readerError } = await this.#reading
    const endedAt = performance.now()
    const closed = this.#closed
    const abortListeners = getEventListeners(this.#controller.signal, 'abort').length
    const { done } = await this.#watch.next()
    const [failure, abortReason] = [this.#failure, this.abortReason]
    return {
      method,
      requestedAt,
      endedAt,
      endedByItself,
      readerError,
      failure,
      abortReason,
      closed,
      abortListeners,
      done,
    }
  }

  #observe(observed: ObservedEvent): void {
    const { at, event } = observed
    this.#report.record(this.actor, event.type, event)
    if (this.#closed) this.#report.violate(this.actor, `${event.type} was emitted after closed`)
    this.#events.push(observed)
    if (event.type === 'closed') this.#closed = true
    if (event.type === 'failed') this.#failure = event.error
    if (event.type === 'resolved' || event.type === 'changed') {
      this.#lists = [...this.#lists.slice(-keptLists), { at, list: event }]
      this.#listCount++
    }
  }

  async #readAll(): Promise<{ endedByItself: boolean; error: unknown }> {
    const { readMs } = this.scenario
    const { signal } = this.#endRequested
    for (;;) {
      const countBefore = this.#listCount
      let result
      try {
        result = await this.#watch.next()
      } catch (error) {
        return { endedByItself: this.#requestedAt === undefined, error }
      }
      if (result.done === true) return { endedByItself: this.#requestedAt === undefined, error: undefined }
      this.#recordRead(result.value, countBefore)
      if (readMs > 0) await sleep(this.#random.upTo(readMs), undefined, { signal }).catch(() => {})
    }
  }

  /**
   * Records what the reader got.
   *
   * @param countBefore the number of lists that the watch had emitted when the reader called `next()`
   */
  #recordRead(change: AddressChange, countBefore: number): void {
    const first = Math.max(0, this.#lists.length - 1 - (this.#listCount - countBefore))
    this.#reads.push({
      at: performance.now(),
      change,
      previous: this.#lastRead?.addresses ?? [],
      emitted: this.#lists.slice(first).map(({ list }) => list),
    })
    this.#lastRead = change
  }
}
