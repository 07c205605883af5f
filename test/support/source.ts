import type { EtcdSource } from '../../src/sources/etcd/etcd-source.ts'
import { Failure } from '../../src/sources/failure.ts'
import type { Snapshot, SourceWatch } from '../../src/sources/source.ts'

/** A key in memory, for what a real etcd cannot be made to do on cue and for time that is not real. */
export class FakeSource {
  readonly endpoint = 'https://fake:2379'
  fingerprint: string | undefined
  reads = 0
  watches = 0
  closed = false
  refuseWatches = false
  #value: Uint8Array | undefined
  #revision = 0n
  #createRevision = 0n
  #version = 0n
  #failure: Failure | undefined
  #held: PromiseWithResolvers<Snapshot> | undefined
  #standing = Promise.withResolvers<void>()
  readonly #watching = new Set<FakeWatch>()

  /** What the functions under test take; only what they use is there. */
  asSource(): EtcdSource {
    return this as unknown as EtcdSource
  }

  get watching(): number {
    return this.#watching.size
  }

  snapshot(): Snapshot {
    return {
      value: this.#value,
      modRevision: this.#version === 0n ? 0n : this.#revision,
      createRevision: this.#createRevision,
      version: this.#version,
      revision: this.#revision,
    }
  }

  /** @param options.silently whether no watch gets the change */
  write(value: string | undefined, options: { silently?: boolean } = {}): void {
    this.#value = value === undefined ? undefined : Buffer.from(value)
    this.#revision += 1n
    this.#version = value === undefined ? 0n : this.#version + 1n
    if (this.#version <= 1n) this.#createRevision = this.#version * this.#revision
    if (options.silently) return
    for (const watch of this.#watching) watch.push({ ...this.snapshot(), modRevision: this.#revision })
  }

  /** Every read fails, until it is called with `undefined`. */
  fail(failure: Failure | undefined): void {
    this.#failure = failure
  }

  /** Reads stay pending. */
  hold(): void {
    this.#held = Promise.withResolvers()
  }

  release(snapshot: Snapshot): void {
    this.#held?.resolve(snapshot)
    this.#held = undefined
  }

  /** Ends every watch. */
  cut(): void {
    for (const watch of this.#watching) watch.end(new Failure('unreachable', 'the stream was cut'))
    this.#watching.clear()
  }

  /** Establishes a connection that was silent. */
  becomeConnected(): void {
    this.#standing.resolve()
  }

  async read(signal: AbortSignal): Promise<Snapshot> {
    signal.throwIfAborted()
    this.reads++
    if (this.#failure !== undefined) throw this.#failure
    const snapshot = this.#held?.promise ?? this.snapshot()
    const aborted = new Promise<never>((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true })
    })
    return Promise.race([snapshot, aborted])
  }

  async watch(after: bigint, signal: AbortSignal): Promise<SourceWatch> {
    signal.throwIfAborted()
    if (this.refuseWatches || this.#failure !== undefined) {
      throw this.#failure ?? new Failure('learner', 'no watch here')
    }
    this.watches++
    const watch = new FakeWatch(() => this.#watching.delete(watch))
    this.#watching.add(watch)
    if (this.#revision > after) watch.push({ ...this.snapshot(), modRevision: this.#revision })
    return watch
  }

  whenConnected(): Promise<void> {
    return this.#standing.promise
  }

  pending(): Failure | undefined {
    return this.#held === undefined ? undefined : new Failure('timeout', 'silent')
  }

  close(): void {
    this.closed = true
    this.cut()
  }
}

class FakeWatch implements SourceWatch {
  readonly #close: () => void
  #changed = Promise.withResolvers<void>()
  #latest: Snapshot | undefined

  constructor(close: () => void) {
    this.#close = close
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
    const { promise } = this.#changed
    return new Promise((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true })
      promise.then(resolve, reject)
    })
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
    this.#close()
  }
}
