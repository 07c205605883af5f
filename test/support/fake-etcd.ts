import type { ConnectToEtcd } from '../../src/sources/etcd/options.ts'
import { Failure } from '../../src/sources/failure.ts'
import type { Snapshot } from '../../src/sources/source.ts'
import type { Clock } from '../../src/util/clock.ts'
import { rejectOnAbort } from './abort.ts'
import { FakeConnection } from './fake-etcd-connection.ts'
import type { FakeStream } from './fake-etcd-connection.ts'

export type Stored = string | Uint8Array | undefined

interface History {
  readonly revision: bigint
  readonly compacted: bigint
  /** Every write and deletion of the key. */
  readonly writes: readonly Snapshot[]
}

const absent: Snapshot = { value: undefined, modRevision: 0n, createRevision: 0n, version: 0n, revision: 0n }

/**
 * One key of an etcd in memory, for sequences of faults that a real etcd cannot produce on demand, and for virtual
 * time. Its reads are linearizable, as those of etcd.
 *
 * It has no network: `hostile-etcd.ts` is a server for what an etcd must never send. It always knows what to answer:
 * `ControlledConnection` answers when the test says so.
 */
export class FakeEtcd {
  readonly connect: ConnectToEtcd = async () => new FakeConnection(this)
  /** Milliseconds that a read takes for the round trip. A change takes half of this. */
  latencyMs = 0
  /** The failure of every read and every connection, if it is set. */
  fault: Failure | undefined
  /** Whether it opens a watch, refuses it, or leaves it without a response. Reads are answered in each case. */
  watching: 'opens' | 'refuses' | 'is silent' = 'opens'
  reads = 0
  watches = 0
  connections = 0
  readonly streams = new Set<FakeStream>()
  readonly clock: Clock
  #silence: PromiseWithResolvers<void> | undefined
  #history: History = { revision: 1n, compacted: 0n, writes: [] }

  constructor(clock: Clock) {
    this.clock = clock
  }

  /** Whether it accepts connections and sends nothing. */
  get silent(): boolean {
    return this.#silence !== undefined
  }
  set silent(silent: boolean) {
    this.#silence?.resolve()
    this.#silence = silent ? Promise.withResolvers() : undefined
  }

  /** Resolves when it is no longer silent. */
  whenNotSilent(): Promise<void> {
    return this.#silence?.promise ?? Promise.resolve()
  }

  get revision(): bigint {
    return this.#history.revision
  }

  get writes(): readonly Snapshot[] {
    return this.#history.writes
  }

  get now(): Snapshot {
    const last = this.#history.writes.at(-1) ?? absent
    const revision = this.#history.revision
    return last.value === undefined ? { ...absent, revision } : { ...last, revision }
  }

  put(value: Stored): bigint {
    const { writes, revision, compacted } = this.#history
    const before = writes.at(-1) ?? absent
    const version = value === undefined ? 0n : before.version + 1n
    const modRevision = revision + 1n
    const bytes = typeof value === 'string' ? Buffer.from(value) : value
    const createRevision = version > 1n ? before.createRevision : version * modRevision
    const write: Snapshot = { value: bytes, createRevision, version, modRevision, revision: modRevision }
    this.#history = { revision: modRevision, compacted, writes: [...writes, write] }
    for (const stream of this.streams) stream.send([write])
    return modRevision
  }

  putList(...addresses: string[]): bigint {
    return this.put(`${JSON.stringify(addresses)}\n`)
  }

  del(): bigint {
    return this.now.value === undefined ? this.revision : this.put(undefined)
  }

  /** Increases the revision, as writes of another key do. */
  bump(by = 1n): void {
    this.#history = { ...this.#history, revision: this.#history.revision + by }
  }

  compact(): void {
    this.#history = { ...this.#history, compacted: this.#history.revision }
  }

  /** Saves a backup. The returned function restores it, and cuts every stream unless etcd is behind a proxy. */
  save(): (options?: { readonly behindProxy?: boolean }) => void {
    const saved = this.#history
    return ({ behindProxy = false } = {}) => {
      if (!behindProxy) this.cut()
      this.#history = saved
    }
  }

  /** Ends every stream. Changes that have not arrived yet are lost. */
  cut(failure = new Failure('unreachable', 'connection reset')): void {
    for (const stream of this.streams) stream.break(failure)
  }

  /** Resolves with the result of `respond`, which runs after half of the round trip. */
  async answer<T>(signal: AbortSignal, respond: () => T): Promise<T> {
    const half = async () => {
      if (this.silent) await rejectOnAbort(signal)
      if (this.latencyMs > 0) await this.clock.sleep(this.latencyMs / 2, signal)
      signal.throwIfAborted()
      if (this.fault !== undefined) throw this.fault
    }
    await half()
    const response = respond()
    await half()
    return response
  }

  /** Returns the writes from a revision on. */
  since(revision: bigint): readonly Snapshot[] | 'compacted' {
    const { writes, compacted } = this.#history
    return revision <= compacted ? 'compacted' : writes.filter(({ modRevision }) => modRevision >= revision)
  }
}
