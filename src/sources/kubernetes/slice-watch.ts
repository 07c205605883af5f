import type { Clock } from '../../util/clock.ts'
import { messageOf } from '../../util/text.ts'
import { Failure } from '../failure.ts'
import type { Snapshot, SourceWatch } from '../source.ts'
import { LineSplitter, readBody } from './body.ts'
import type { BodyEnd } from './body.ts'
import type { EndpointSlice } from './endpoint-slices.ts'
import { ListHistory } from './list-history.ts'
import type { SliceList } from './list-history.ts'
import { PendingChanges } from './pending-changes.ts'
import type { Response } from './session.ts'
import { parseWatchEvent, sampleEvent } from './watch-events.ts'
import type { WatchPace } from './watch-pace.ts'

/** What a watch needs. */
export interface SliceWatchParts {
  readonly history: ListHistory
  readonly pace: WatchPace
  readonly clock: Clock
  /** Aborted when the connection takes no more requests. */
  readonly ending: AbortSignal
  /** Requests a watch from a version on. Resolves with `undefined` if the version is too old. */
  readonly request: (version: bigint, signal: AbortSignal) => Promise<Response | undefined>
  /** Does the same, within the time of one attempt. */
  readonly resume: (version: bigint, signal: AbortSignal) => Promise<Response | undefined>
  /** Receives each list that an event makes. */
  readonly onList: (snapshot: Snapshot) => void
}

let isRehearsed = false

/** A watch of the EndpointSlices. A stream that ends by time is resumed from the last version, without an event. */
export class SliceWatch implements SourceWatch {
  readonly #parts: SliceWatchParts
  readonly #changes = new PendingChanges()
  readonly #controller = new AbortController()
  #list: SliceList
  #latest: Snapshot
  #failure: Failure | undefined
  #isOver = false
  /** When the stream began that is followed now. */
  #startedAt: number
  readonly #onEnding = () => this.#finish()

  /** @param latest the snapshot of the list that the watch starts from */
  constructor(list: SliceList, latest: Snapshot, parts: SliceWatchParts) {
    this.#list = list
    this.#latest = latest
    this.#parts = parts
    this.#startedAt = parts.clock.now()
  }

  get isOver(): boolean {
    return this.#isOver
  }

  /** Resolves when the apiserver has confirmed the watch, which goes on until it ends, or when the watch is over. */
  async open(signal: AbortSignal): Promise<void> {
    const { ending, request } = this.#parts
    try {
      if (ending.aborted) return this.#finish()
      const response = await request(this.#list.version, signal)
      ending.addEventListener('abort', this.#onEnding, { once: true })
      void this.#run(response)
      this.#rehearse()
      if (ending.aborted) this.#finish()
    } catch (error) {
      // The connection has ended before the request, and so without a fault: a new one lists first.
      if (signal.aborted || !ending.aborted) throw error
      this.#finish()
    }
  }

  /** Handles a sample event once, while the call waits anyway: see `rehearseWakeUp`. */
  #rehearse(): void {
    if (isRehearsed) return
    isRehearsed = true
    const watch = new SliceWatch(this.#list, this.#latest, {
      ...this.#parts,
      history: new ListHistory(),
      onList: () => {},
    })
    new LineSplitter((line) => watch.#onLine(line)).push(Buffer.from(`${sampleEvent}\n`))
    watch.drain()
  }

  async changed(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    if (this.#failure !== undefined) throw this.#failure
    if (!this.#isOver && !this.#changes.hasChange) await this.#changes.next(signal)
  }

  drain(): readonly Snapshot[] {
    return this.#changes.drain()
  }

  close(): void {
    this.#end(new Failure('unavailable', 'the watch was closed'))
  }

  async #run(first: Response | undefined): Promise<void> {
    const { clock, pace, resume } = this.#parts
    const { signal } = this.#controller
    try {
      for (let response = first; ; response = await resume(this.#list.version, signal)) {
        this.#startedAt = clock.now()
        if (response === undefined) return this.#finish()
        const { isComplete } = await this.#follow(response)
        if (this.#isEnded) return
        if (!isComplete) throw lost(response)
        pace.noteEnd(clock.now() - this.#startedAt)
      }
    } catch (error) {
      this.#end(error instanceof Failure ? error : new Failure('unavailable', messageOf(error), { cause: error }))
    }
  }

  /** Applies the events of one stream until it ends. */
  #follow(response: Response): Promise<BodyEnd> {
    const lines = new LineSplitter((line) => this.#onLine(line))
    return readBody(response, this.#controller.signal, (chunk) => {
      if (this.#isEnded) return
      try {
        lines.push(chunk)
      } catch (error) {
        this.#end(error as Failure)
      }
    })
  }

  get #isEnded(): boolean {
    return this.#isOver || this.#failure !== undefined
  }

  #onLine(line: string): void {
    if (this.#isEnded) return
    const event = parseWatchEvent(line)
    if (event.type === 'expired') this.#finish()
    else if (event.type === 'bookmark') this.#onBookmark(event.version)
    else if (event.slice.resourceVersion > this.#list.version) this.#onChange(event.slice, event.isDeleted)
  }

  /** The list is the same at a newer version of the store, from which the watch is resumed. */
  #onBookmark(version: bigint): void {
    if (version <= this.#list.version) return
    this.#list = { ...this.#list, version }
    this.#latest = this.#parts.history.ofBookmark(this.#list, this.#latest)
    this.#changes.addBookmark(this.#latest)
  }

  #onChange(slice: EndpointSlice, isDeleted: boolean): void {
    const slices = new Map(this.#list.slices)
    if (isDeleted) slices.delete(slice.name)
    else slices.set(slice.name, slice)
    this.#list = { version: slice.resourceVersion, slices }
    this.#latest = this.#parts.history.ofEvent(this.#list)
    this.#parts.onList(this.#latest)
    if (!this.#changes.add(this.#latest)) this.#finish()
  }

  /** Ends the watch, so that a read follows. It is no failure, unless too many watches in a row have ended at once. */
  #finish(): void {
    if (this.#isEnded) return
    const { clock, pace } = this.#parts
    try {
      pace.noteEnd(clock.now() - this.#startedAt)
    } catch (error) {
      return this.#end(error as Failure)
    }
    this.#isOver = true
    this.#changes.wake()
    this.#stop()
  }

  #end(failure: Failure): void {
    if (this.#isEnded) return
    const { clock, pace } = this.#parts
    pace.noteLife(clock.now() - this.#startedAt)
    this.#failure = failure
    this.#changes.fail(failure)
    this.#stop()
  }

  #stop(): void {
    this.#parts.ending.removeEventListener('abort', this.#onEnding)
    this.#controller.abort()
  }
}

function lost({ session: { error } }: Response): Failure {
  const cause = error === undefined ? '' : ` (${messageOf(error)})`
  return new Failure('unreachable', `the connection to the apiserver was lost${cause}`, { cause: error })
}
