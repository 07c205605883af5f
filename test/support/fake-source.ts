import { Failure } from '../../src/sources/failure.ts'
import type { Snapshot, Source, SourceWatch } from '../../src/sources/source.ts'
import { rejectOnAbort } from './abort.ts'
import { SourceTraits } from './source-traits.ts'

/** A source whose value is in memory, for faults that a real etcd cannot produce on demand, and for virtual time. */
export class FakeSource extends SourceTraits implements Source {
  readonly endpoint = 'https://fake:2379'
  fingerprint: string | undefined
  /** The number of reads so far. */
  reads = 0
  /** The number of watches that were opened so far. */
  watches = 0
  closed = false
  refuseWatches = false
  #value: Uint8Array | undefined
  #revision = 0n
  #createRevision = 0n
  #version = 0n
  #failure: Failure | undefined
  #heldRead: PromiseWithResolvers<Snapshot> | undefined
  readonly #connected = Promise.withResolvers<void>()
  readonly #openWatches = new Set<FakeWatch>()

  /** The number of watches that are open. */
  get watching(): number {
    return this.#openWatches.size
  }

  /** Returns what a read would return now. */
  snapshot(): Snapshot {
    return {
      value: this.#value,
      modRevision: this.#version === 0n ? 0n : this.#revision,
      createRevision: this.#createRevision,
      version: this.#version,
      revision: this.#revision,
    }
  }

  /**
   * Writes a value, or deletes it with `undefined`.
   *
   * @param options.silently does not push the change to the watches
   */
  write(value: string | undefined, options: { silently?: boolean } = {}): void {
    this.#value = value === undefined ? undefined : Buffer.from(value)
    this.#revision += 1n
    this.#version = value === undefined ? 0n : this.#version + 1n
    if (this.#version <= 1n) this.#createRevision = this.#version * this.#revision
    if (options.silently) return
    for (const watch of this.#openWatches) watch.push({ ...this.snapshot(), modRevision: this.#revision })
  }

  /** Lets every read and every new watch fail, until it is called with `undefined`. */
  fail(failure: Failure | undefined): void {
    this.#failure = failure
  }

  /** Leaves the following reads pending, until `release()` is called. */
  hold(): void {
    this.#heldRead = Promise.withResolvers()
  }

  release(snapshot: Snapshot): void {
    this.#heldRead?.resolve(snapshot)
    this.#heldRead = undefined
  }

  /** Ends every watch with a failure. */
  cut(): void {
    for (const watch of this.#openWatches) watch.end(new Failure('unreachable', 'the stream was cut'))
    this.#openWatches.clear()
  }

  /** Establishes the connection that was still being made. */
  becomeConnected(): void {
    this.#connected.resolve()
  }

  async read(signal: AbortSignal): Promise<Snapshot> {
    signal.throwIfAborted()
    this.reads++
    if (this.#failure !== undefined) throw this.#failure
    const snapshot = this.#heldRead?.promise ?? this.snapshot()
    return Promise.race([snapshot, rejectOnAbort(signal)])
  }

  async watch(afterRevision: bigint, signal: AbortSignal): Promise<SourceWatch> {
    signal.throwIfAborted()
    if (this.refuseWatches || this.#failure !== undefined) {
      throw this.#failure ?? new Failure('learner', 'no watch here')
    }
    this.watches++
    const watch = new FakeWatch(() => this.#openWatches.delete(watch))
    this.#openWatches.add(watch)
    if (this.#revision > afterRevision) watch.push({ ...this.snapshot(), modRevision: this.#revision })
    return watch
  }

  whenConnected(): Promise<void> {
    return this.#connected.promise
  }

  pending(): Failure | undefined {
    return this.#heldRead === undefined ? undefined : new Failure('timeout', 'silent')
  }

  close(): void {
    this.closed = true
    this.cut()
  }
}

class FakeWatch implements SourceWatch {
  readonly isOver = false
  readonly #onClose: () => void
  #changed = Promise.withResolvers<void>()
  #latest: Snapshot | undefined

  constructor(onClose: () => void) {
    this.#onClose = onClose
    this.#changed.promise.catch(() => {})
  }

  push(snapshot: Snapshot): void {
    this.#latest = snapshot
    this.#changed.resolve()
  }

  end(failure: Failure): void {
    this.#latest = undefined
    this.#changed.reject(failure)
    this.#changed = Promise.withResolvers()
    this.#changed.promise.catch(() => {})
    this.#changed.reject(failure)
  }

  changed(signal: AbortSignal): Promise<void> {
    return Promise.race([this.#changed.promise, rejectOnAbort(signal)])
  }

  drain(): readonly Snapshot[] {
    const latest = this.#latest
    if (latest === undefined) return []
    this.#latest = undefined
    this.#changed = Promise.withResolvers()
    this.#changed.promise.catch(() => {})
    return [latest]
  }

  close(): void {
    this.#onClose()
  }
}
