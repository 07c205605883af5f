import type { Readable } from 'node:stream'
import type { Etcd3, IWatchResponse } from 'etcd3'
import { Failure, oneLine } from '../reasons.ts'

/** The key as one linearizable read or one watch event shows it. */
export interface Snapshot {
  /** `undefined` where the key does not exist. */
  readonly value: Uint8Array | undefined
  /** The revision that wrote (or deleted) this value. */
  readonly modRevision: bigint
  /** The revision that created the key, the last time if it was deleted in between; 0 where it does not exist. */
  readonly createRevision: bigint
  /** How often the key was written since it was created. */
  readonly version: bigint
  /** The store's revision at that moment. */
  readonly revision: bigint
}

/** Changes of the key after one reading, as etcd pushes them. */
export interface SourceWatch {
  /**
   * Resolves when there is a change to take.
   *
   * @throws Failure when the stream has ended, for whatever reason: from then on only a new read counts
   * @throws `signal.reason` when the signal is aborted
   */
  changed(signal: AbortSignal): Promise<void>
  /** The changes not yet taken, oldest first. */
  drain(): readonly Snapshot[]
  close(): void
}

/** etcd3's type leaves out that it is a stream of Node's. */
export type RawWatchStream = Awaited<ReturnType<Etcd3['watchClient']['watch']>> & Pick<Readable, 'pause' | 'resume'>

/** More changes than this are left to etcd until these are taken: it keeps them in its history anyway. */
const maxPending = 100

/** Of the store, and of the key; 0 where an answer has none, as no etcd's. */
export const revisions = (
  header: { readonly revision: string } | null | undefined,
  kv: { readonly mod_revision: string } | null | undefined,
): readonly [bigint, bigint] => [BigInt(header?.revision ?? 0), BigInt(kv?.mod_revision ?? 0)]

/** A watch on etcd's raw stream: etcd3's own `Watcher` loses events when it reconnects, and can die without a word. */
export class WatchStream implements SourceWatch {
  readonly #stream: RawWatchStream
  readonly #over: () => void
  readonly #created = Promise.withResolvers<void>()
  readonly #waiting = new Set<PromiseWithResolvers<void>>()
  #pending: Snapshot[] = []
  #ended: Failure | undefined

  /**
   * @param why tells why the stream has ended by itself
   * @param over is told that it has, however
   */
  constructor(stream: RawWatchStream, why: () => Failure, over: () => void) {
    this.#stream = stream
    this.#over = over
    stream.on('data', (response) => this.#receive(response))
    stream.on('error', () => this.#end(why))
    stream.on('end', () => this.#end(why))
    // Whoever opened it may have been aborted before it fails.
    this.#created.promise.catch(() => {})
  }

  /** Resolves when etcd has confirmed the watch. */
  get created(): Promise<void> {
    return this.#created.promise
  }

  async changed(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    if (this.#ended !== undefined) throw this.#ended
    if (this.#pending.length > 0) return
    const waiting = Promise.withResolvers<void>()
    const abort = () => waiting.reject(signal.reason)
    this.#waiting.add(waiting)
    signal.addEventListener('abort', abort, { once: true })
    try {
      await waiting.promise
    } finally {
      signal.removeEventListener('abort', abort)
      this.#waiting.delete(waiting)
    }
  }

  drain(): readonly Snapshot[] {
    const pending = this.#pending
    this.#pending = []
    if (pending.length >= maxPending) this.#stream.resume()
    return pending
  }

  close(): void {
    this.#end(() => closed)
  }

  #receive(response: IWatchResponse): void {
    if (this.#ended !== undefined) return
    if (response.canceled) {
      const compacted = BigInt(response.compact_revision) > 0n
      const why = compacted ? `revisions before ${response.compact_revision} are compacted` : response.cancel_reason
      return this.#end(() => new Failure('unavailable', `etcd ended the watch: ${oneLine(why)}`))
    }
    if (response.created) this.#created.resolve()
    if (response.events.length === 0) return
    for (const { kv } of response.events) {
      const [revision, modRevision] = revisions(response.header, kv)
      if (revision <= 0n || modRevision <= 0n) {
        return this.#end(() => new Failure('unavailable', 'the watch brought no revision, as no etcd does'))
      }
      const [createRevision, version] = [BigInt(kv.create_revision), BigInt(kv.version)]
      const value = version === 0n ? undefined : kv.value // deleted
      this.#pending.push({ value, modRevision, createRevision, version, revision })
    }
    if (this.#pending.length >= maxPending) this.#stream.pause()
    for (const waiting of this.#waiting) waiting.resolve()
  }

  #end(why: () => Failure): void {
    if (this.#ended !== undefined) return
    const failure = (this.#ended = why())
    // In doubt only a new read counts: changes that were not yet taken are forgotten.
    this.#pending = []
    this.#created.reject(failure)
    for (const waiting of this.#waiting) waiting.reject(failure)
    this.#stream.cancel()
    this.#over()
  }
}

const closed = new Failure('unavailable', 'the watch was closed')
