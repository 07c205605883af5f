import { orAborted } from '../../util/abort.ts'
import type { Clock } from '../../util/clock.ts'
import { messageOf } from '../../util/text.ts'
import { Failure } from '../failure.ts'
import type { Snapshot, SourceWatch } from '../source.ts'
import { LineSplitter, readBody } from './body.ts'
import type { BodyEnd } from './body.ts'
import type { EndpointSlice } from './endpoint-slices.ts'
import type { ListHistory, SliceList } from './list-history.ts'
import type { Response } from './session.ts'
import { parseWatchEvent } from './watch-events.ts'

/** More changes than these are not kept: each is a whole list, and the latest counts. */
const maxPending = 100

/** A watch that ends earlier than this was refused in some way. More of them in a row are paused by the backoff. */
const shortMs = 5000
const maxShortWatches = 2

/** What the watches of one source know of each other. */
export interface WatchPace {
  /** The number of watches in a row that have ended at once. */
  shortWatches: number
}

/** What a watch needs. */
export interface SliceWatchParts {
  readonly history: ListHistory
  readonly pace: WatchPace
  readonly clock: Clock
  /** Requests a watch from a version on. */
  readonly request: (version: bigint, signal: AbortSignal) => Promise<Response>
}

/** A watch of the EndpointSlices. A stream that ends by time is resumed from the last version, without an event. */
export class SliceWatch implements SourceWatch {
  readonly #parts: SliceWatchParts
  /** One for each call of `changed`: a promise that lives as long as the watch would collect reactions for as long. */
  readonly #waiters = new Set<PromiseWithResolvers<void>>()
  readonly #controller = new AbortController()
  #list: SliceList
  #latest: Snapshot
  #pending: Snapshot[] = []
  /** Whether there is a change to drain. A bookmark changes no list, and wakes nobody. */
  #hasChange = false
  #failure: Failure | undefined
  #isOver = false

  /** @param latest the snapshot of the list that the watch starts from */
  constructor(list: SliceList, latest: Snapshot, parts: SliceWatchParts) {
    this.#list = list
    this.#latest = latest
    this.#parts = parts
  }

  get isOver(): boolean {
    return this.#isOver
  }

  /** Resolves when the apiserver has confirmed the watch, which goes on until it ends. */
  async open(signal: AbortSignal): Promise<void> {
    const response = await this.#parts.request(this.#list.version, signal)
    void this.#run(response)
  }

  async changed(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    if (this.#failure !== undefined) throw this.#failure
    if (this.#isOver || this.#hasChange) return
    const waiter = Promise.withResolvers<void>()
    this.#waiters.add(waiter)
    try {
      await orAborted(waiter.promise, signal)
    } finally {
      this.#waiters.delete(waiter)
    }
  }

  drain(): readonly Snapshot[] {
    this.#hasChange = false
    return this.#pending.splice(0)
  }

  close(): void {
    this.#end(new Failure('unavailable', 'the watch was closed'))
  }

  async #run(first: Response): Promise<void> {
    const { clock, pace, request } = this.#parts
    const { signal } = this.#controller
    try {
      for (let response = first; ; response = await request(this.#list.version, signal)) {
        const startedAt = clock.now()
        const { isComplete } = await this.#follow(response)
        if (this.#isEnded) return
        if (!isComplete) throw lost(response)
        if (clock.now() - startedAt < shortMs) this.#countShortWatch()
        else pace.shortWatches = 0
        // After GOAWAY, a new session lists first.
        if (response.session.stage !== 'ready') return this.#finish()
      }
    } catch (error) {
      this.#end(error instanceof Failure ? error : new Failure('unavailable', messageOf(error), { cause: error }))
    }
  }

  /** Applies the events of one stream until it ends. */
  async #follow(response: Response): Promise<BodyEnd> {
    const { signal } = this.#controller
    const close = () => response.stream.close()
    signal.addEventListener('abort', close, { once: true })
    if (signal.aborted) close()
    const lines = new LineSplitter((line) => this.#onLine(line))
    try {
      return await readBody(response, (chunk) => {
        if (this.#isEnded) return
        try {
          lines.push(chunk)
        } catch (error) {
          this.#end(error as Failure)
        }
      })
    } finally {
      signal.removeEventListener('abort', close)
    }
  }

  get #isEnded(): boolean {
    return this.#isOver || this.#failure !== undefined
  }

  #onLine(line: string): void {
    if (this.#isEnded) return
    const event = parseWatchEvent(line)
    if (event.type === 'expired') this.#onExpired()
    else if (event.type === 'bookmark') this.#onBookmark(event.version)
    else if (event.slice.resourceVersion > this.#list.version) this.#onChange(event.slice, event.isDeleted)
  }

  #onExpired(): void {
    this.#countShortWatch()
    this.#finish()
  }

  /** The list is the same at a newer version of the store, from which the watch is resumed. */
  #onBookmark(version: bigint): void {
    if (version <= this.#list.version) return
    this.#list = { ...this.#list, version }
    this.#latest = this.#parts.history.ofBookmark(this.#list, this.#latest)
    if (this.#pending.at(-1)?.modRevision === this.#latest.modRevision) this.#pending.pop()
    this.#push(this.#latest)
  }

  #onChange(slice: EndpointSlice, isDeleted: boolean): void {
    const slices = new Map(this.#list.slices)
    if (isDeleted) slices.delete(slice.name)
    else slices.set(slice.name, slice)
    this.#list = { version: slice.resourceVersion, slices }
    this.#latest = this.#parts.history.ofEvent(this.#list)
    this.#push(this.#latest)
    this.#hasChange = true
    for (const waiter of this.#waiters) waiter.resolve()
  }

  /** @throws Failure when too many watches in a row have ended at once */
  #countShortWatch(): void {
    const { pace } = this.#parts
    pace.shortWatches++
    if (pace.shortWatches > maxShortWatches) throw new Failure('unavailable', 'the apiserver ends each watch at once')
  }

  #push(snapshot: Snapshot): void {
    this.#pending.push(snapshot)
    if (this.#pending.length > maxPending) this.#pending.shift()
  }

  /** Ends the watch without a failure: a read follows. */
  #finish(): void {
    if (this.#isEnded) return
    this.#isOver = true
    for (const waiter of this.#waiters) waiter.resolve()
    this.#controller.abort()
  }

  #end(failure: Failure): void {
    if (this.#isEnded) return
    this.#failure = failure
    this.#pending = []
    for (const waiter of this.#waiters) waiter.reject(failure)
    this.#controller.abort()
  }
}

function lost({ session: { error } }: Response): Failure {
  const cause = error === undefined ? '' : ` (${messageOf(error)})`
  return new Failure('unreachable', `the connection to the apiserver was lost${cause}`, { cause: error })
}
