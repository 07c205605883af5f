import { Failure } from '../../src/sources/failure.ts'
import type { Snapshot, Source, SourceWatch } from '../../src/sources/source.ts'
import { systemClock } from '../../src/util/clock.ts'
import { rejectOnAbort } from './abort.ts'
import { FakeConnection } from './fake-etcd-connection.ts'
import { FakeEtcd } from './fake-etcd.ts'
import { SourceTraits } from './source-traits.ts'

/** A source that reads and watches a fake etcd over one connection, without the failover of `EtcdSource`. */
export class FakeSource extends SourceTraits implements Source {
  readonly endpoint = 'https://fake:2379'
  fingerprint: string | undefined
  closed = false
  // Without latency, the fake etcd needs no time.
  readonly #etcd = new FakeEtcd(systemClock)
  readonly #connection = new FakeConnection(this.#etcd)
  readonly #connected = Promise.withResolvers<void>()
  #heldRead: PromiseWithResolvers<Snapshot> | undefined

  /** The number of reads so far. */
  get reads(): number {
    return this.#etcd.reads
  }

  /** The number of watches that were opened or refused so far. */
  get watches(): number {
    return this.#etcd.watches
  }

  /** The number of watches that are open. */
  get watching(): number {
    return this.#etcd.streams.size
  }

  /** Refuses every new watch. */
  refuseWatches(): void {
    this.#etcd.watching = 'refuses'
  }

  /** Returns what a read would return now. */
  snapshot(): Snapshot {
    return this.#etcd.now
  }

  /** Writes a value, or deletes it with `undefined`. */
  write(value: string | undefined): void {
    this.#etcd.put(value)
  }

  /** Lets every read and every new watch fail, until it is called with `undefined`. */
  fail(failure: Failure | undefined): void {
    this.#etcd.fault = failure
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
    this.#etcd.cut()
  }

  /** Establishes the connection that was still being made. */
  becomeConnected(): void {
    this.#connected.resolve()
  }

  async read(signal: AbortSignal): Promise<Snapshot> {
    const held = this.#heldRead
    const response = await this.#connection.read(signal)
    return held === undefined ? response : Promise.race([held.promise, rejectOnAbort(signal)])
  }

  watch(afterRevision: bigint, signal: AbortSignal): Promise<SourceWatch> {
    return this.#connection.watch(afterRevision, signal)
  }

  whenConnected(): Promise<void> {
    return this.#connected.promise
  }

  pending(): Failure | undefined {
    return this.#heldRead === undefined ? undefined : new Failure('timeout', 'silent')
  }

  close(): void {
    this.closed = true
    this.#connection.close()
  }
}
