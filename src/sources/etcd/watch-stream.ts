import type { Readable } from 'node:stream'
import type { Etcd3, IWatchResponse } from 'etcd3'
import { oneLine } from '../../util/text.ts'
import { Waiters } from '../../util/waiters.ts'
import { Failure } from '../failure.ts'
import type { Snapshot, SourceWatch } from '../source.ts'

/** The stream of etcd3. Its type does not say that it is a stream of Node. */
export type RawWatchStream = Awaited<ReturnType<Etcd3['watchClient']['watch']>> & Pick<Readable, 'pause' | 'resume'>

/** The stream is paused at this number of changes until they are drained. etcd keeps the rest in its history. */
const maxPending = 100

/** Returns the revisions of the store and of the key; 0 for one that is missing, which etcd never leaves out. */
export const revisions = (
  header: { readonly revision: string } | null | undefined,
  kv: { readonly mod_revision: string } | null | undefined,
): readonly [bigint, bigint] => [BigInt(header?.revision ?? 0), BigInt(kv?.mod_revision ?? 0)]

const closed = new Failure('unavailable', 'the watch was closed')

/**
 * A watch on the raw stream of etcd.
 *
 * The `Watcher` of etcd3 is not used: it loses events when it reconnects, and can end without an error.
 */
export class WatchStream implements SourceWatch {
  /** It always ends with a failure. */
  readonly isOver = false
  readonly #stream: RawWatchStream
  readonly #afterRevision: bigint
  readonly #onEnd: () => void
  readonly #created = Promise.withResolvers<void>()
  readonly #waiters = new Waiters()
  #pending: Snapshot[] = []
  #ended: Failure | undefined

  /**
   * @param afterRevision the revision of the read before the watch
   * @param reason returns why the stream ended when it ends by itself
   * @param onEnd is called once when the stream has ended for any reason
   */
  constructor(stream: RawWatchStream, afterRevision: bigint, reason: () => Failure, onEnd: () => void) {
    this.#stream = stream
    this.#afterRevision = afterRevision
    this.#onEnd = onEnd
    stream.on('data', (response) => this.#onResponse(response))
    stream.on('error', () => this.#end(reason()))
    stream.on('end', () => this.#end(reason()))
    // The opener may have been aborted before this rejects.
    this.#created.promise.catch(() => {})
  }

  /** Resolves when etcd has confirmed the watch. */
  get created(): Promise<void> {
    return this.#created.promise
  }

  async changed(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    if (this.#ended !== undefined) throw this.#ended
    if (this.#pending.length === 0) await this.#waiters.wait(signal)
  }

  drain(): readonly Snapshot[] {
    const pending = this.#pending
    this.#pending = []
    if (pending.length >= maxPending) this.#stream.resume()
    return pending
  }

  close(): void {
    this.#end(closed)
  }

  #onResponse(response: IWatchResponse): void {
    if (this.#ended !== undefined) return
    if (response.canceled) return this.#end(cancellation(response))
    if (response.created) this.#onCreated(response)
    if (this.#ended !== undefined || response.events.length === 0) return
    for (const { kv } of response.events) {
      const [revision, modRevision] = revisions(response.header, kv)
      if (revision <= 0n || modRevision <= 0n) {
        return this.#end(new Failure('unavailable', 'invalid response from etcd (a watch event without a revision)'))
      }
      const [createRevision, version] = [BigInt(kv.create_revision), BigInt(kv.version)]
      // Version 0 is a deletion.
      const value = version === 0n ? undefined : kv.value
      // The header has the revision of the store now. In a long history, later events are older than that.
      this.#pending.push({ value, modRevision, createRevision, version, revision: modRevision })
    }
    if (this.#pending.length >= maxPending) this.#stream.pause()
    this.#waiters.wake()
  }

  #onCreated({ header }: IWatchResponse): void {
    const [revision] = revisions(header, undefined)
    // etcd accepts a start in the future, and is then silent until its store has got there.
    const isOlder = revision > 0n && revision < this.#afterRevision
    if (isOlder) this.#end(olderStore(revision, this.#afterRevision))
    else this.#created.resolve()
  }

  #end(failure: Failure): void {
    if (this.#ended !== undefined) return
    this.#ended = failure
    // Pending changes are dropped, because only a new read counts from now on.
    this.#pending = []
    this.#created.reject(failure)
    this.#waiters.fail(failure)
    this.#stream.cancel()
    this.#onEnd()
  }
}

const olderStore = (revision: bigint, afterRevision: bigint) =>
  new Failure(
    'unavailable',
    `etcd is at revision ${revision}, and was at ${afterRevision}: a snapshot was restored, or a proxy uses a slow member`,
  )

function cancellation({ compact_revision, cancel_reason }: IWatchResponse): Failure {
  const compacted = BigInt(compact_revision) > 0n
  const reason = compacted ? `revisions before ${compact_revision} are compacted` : cancel_reason
  return new Failure('unavailable', `etcd ended the watch: ${oneLine(reason)}`)
}
