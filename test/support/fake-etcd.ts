import { EventEmitter } from 'node:events'
import type { Connection } from '../../src/sources/etcd/connection.ts'
import type { Connect } from '../../src/sources/etcd/connections.ts'
import { WatchStream } from '../../src/sources/etcd/watch-stream.ts'
import type { RawWatchStream } from '../../src/sources/etcd/watch-stream.ts'
import { Failure } from '../../src/sources/failure.ts'
import type { Snapshot, SourceWatch } from '../../src/sources/source.ts'
import type { Clock } from '../../src/util/clock.ts'

export type Stored = string | Uint8Array | undefined

interface History {
  readonly revision: bigint
  readonly compacted: bigint
  /** Every write and deletion of the key. */
  readonly writes: readonly Snapshot[]
}

const absent: Snapshot = { value: undefined, modRevision: 0n, createRevision: 0n, version: 0n, revision: 0n }

/**
 * One key of an etcd in memory, for sequences of faults that a real one cannot be put through on cue, in time that is
 * not real. What it gives is linearizable, as etcd's is.
 */
export class FakeEtcd {
  readonly connect: Connect = async () => new FakeConnection(this)
  /** Milliseconds that a read takes there and back, and a change on its way. */
  latencyMs = 0
  /** Why it answers nothing, nor connects. */
  fault: Failure | undefined
  /** Answers reads and opens no watch: says so, or does not even say that. */
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

  /** Takes connections and says nothing. */
  get silent(): boolean {
    return this.#silence !== undefined
  }
  set silent(silent: boolean) {
    this.#silence?.resolve()
    this.#silence = silent ? Promise.withResolvers() : undefined
  }
  get speaks(): Promise<void> {
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

  /** A write of another key. */
  bump(by = 1n): void {
    this.#history = { ...this.#history, revision: this.#history.revision + by }
  }

  compact(): void {
    this.#history = { ...this.#history, compacted: this.#history.revision }
  }

  /** Saves a backup. The function that it returns restores the backup, and cuts every stream unless it is behind a proxy. */
  save(): (options?: { readonly behindProxy?: boolean }) => void {
    const saved = this.#history
    return ({ behindProxy = false } = {}) => {
      if (!behindProxy) this.cut()
      this.#history = saved
    }
  }

  /** Ends every stream; what was on its way is lost. */
  cut(why = new Failure('unreachable', 'connection reset')): void {
    for (const stream of this.streams) stream.break(why)
  }

  async answer<T>(signal: AbortSignal, take: () => T): Promise<T> {
    const half = async () => {
      if (this.silent) await new Promise((_, reject) => onAbort(signal, reject))
      if (this.latencyMs > 0) await this.clock.sleep(this.latencyMs / 2, signal)
      signal.throwIfAborted()
      if (this.fault !== undefined) throw this.fault
    }
    await half()
    const taken = take()
    await half()
    return taken
  }

  since(revision: bigint): readonly Snapshot[] | 'compacted' {
    const { writes, compacted } = this.#history
    return revision <= compacted ? 'compacted' : writes.filter(({ modRevision }) => modRevision >= revision)
  }
}

const onAbort = (signal: AbortSignal, reject: (reason: unknown) => void) =>
  signal.addEventListener('abort', () => reject(signal.reason), { once: true })

class FakeConnection implements Connection {
  readonly #etcd: FakeEtcd
  readonly #streams = new Set<FakeStream>()

  constructor(etcd: FakeEtcd) {
    this.#etcd = etcd
    etcd.connections++
  }

  get stage(): Connection['stage'] {
    return this.#etcd.silent ? 'handshake' : 'ready'
  }

  async read(_key: string, signal: AbortSignal): Promise<Snapshot> {
    this.#etcd.reads++
    return this.#etcd.answer(signal, () => this.#etcd.now)
  }

  async watch(_key: string, after: bigint, signal: AbortSignal): Promise<SourceWatch> {
    this.#etcd.watches++
    if (this.#etcd.watching === 'is silent') await new Promise((_, reject) => onAbort(signal, reject))
    if (this.#etcd.watching === 'refuses') throw new Failure('learner', 'rpc not supported for learner')
    const stream = new FakeStream(this.#etcd)
    const watch = new WatchStream(
      stream as unknown as RawWatchStream,
      after,
      () => stream.why,
      () => this.#streams.delete(stream),
    )
    await this.#etcd.answer(signal, () => {
      stream.open(after + 1n)
      this.#streams.add(stream)
    })
    await watch.created
    return watch
  }

  whenReady(): Promise<void> {
    return this.#etcd.speaks
  }

  close(): void {
    for (const stream of this.#streams) stream.cancel()
  }
}

/** The raw stream of a watch: etcd's end of it, and what grpc-js makes of it. */
class FakeStream extends EventEmitter {
  why = new Failure('unavailable', 'cancelled')
  readonly #etcd: FakeEtcd
  #paused = false
  #over = false
  readonly #waiting: Snapshot[] = []
  #from = 0n

  constructor(etcd: FakeEtcd) {
    super()
    this.#etcd = etcd
  }

  open(from: bigint): void {
    this.#from = from
    this.#etcd.streams.add(this)
    this.#later(() => this.#emit({ created: true }))
    const past = this.#etcd.since(from)
    if (past !== 'compacted') return this.send(past)
    this.#later(() => this.#emit({ canceled: true, compact_revision: String(from) }))
    this.#etcd.streams.delete(this)
  }

  send(writes: readonly Snapshot[]): void {
    this.#later(() => {
      this.#waiting.push(...writes.filter(({ modRevision }) => modRevision >= this.#from))
      this.#flush()
    })
  }

  break(why: Failure): void {
    if (this.#over) return
    this.why = why
    this.#over = true
    this.#etcd.streams.delete(this)
    this.emit('error', why)
  }

  cancel(): void {
    this.break(this.why)
  }

  pause(): void {
    this.#paused = true
  }

  resume(): void {
    this.#paused = false
    queueMicrotask(() => this.#flush())
  }

  #flush(): void {
    if (this.#paused || this.#over || this.#waiting.length === 0) return
    const events = this.#waiting.splice(0).map(({ value, modRevision, createRevision, version }) => ({
      type: value === undefined ? 'Delete' : 'Put',
      kv: {
        value: value ?? Buffer.alloc(0),
        mod_revision: String(modRevision),
        create_revision: String(createRevision),
        version: String(version),
      },
    }))
    this.#emit({ events })
  }

  #emit(response: object): void {
    if (this.#over) return
    const header = { revision: String(this.#etcd.revision) }
    this.emit('data', { header, created: false, canceled: false, compact_revision: '0', events: [], ...response })
  }

  #later(what: () => void): void {
    const { latencyMs, clock } = this.#etcd
    if (latencyMs === 0) what()
    else clock.sleep(latencyMs / 2, new AbortController().signal).then(what, () => {})
  }
}
