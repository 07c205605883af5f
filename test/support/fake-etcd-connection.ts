import { EventEmitter } from 'node:events'
import type { Connection } from '../../src/sources/connection.ts'
import { WatchStream } from '../../src/sources/etcd/watch-stream.ts'
import type { RawWatchStream } from '../../src/sources/etcd/watch-stream.ts'
import { Failure } from '../../src/sources/failure.ts'
import type { Snapshot, SourceWatch } from '../../src/sources/source.ts'
import { rejectOnAbort } from './abort.ts'
import type { FakeEtcd } from './fake-etcd.ts'

/** A connection to a fake etcd. */
export class FakeConnection implements Connection {
  readonly #etcd: FakeEtcd
  readonly #streams = new Set<FakeStream>()

  constructor(etcd: FakeEtcd) {
    this.#etcd = etcd
    etcd.connections++
  }

  get stage(): Connection['stage'] {
    return this.#etcd.silent ? 'handshake' : 'ready'
  }

  async read(signal: AbortSignal): Promise<Snapshot> {
    this.#etcd.reads++
    return this.#etcd.answer(signal, () => this.#etcd.now)
  }

  async watch(afterRevision: bigint, signal: AbortSignal): Promise<SourceWatch> {
    this.#etcd.watches++
    if (this.#etcd.watching === 'is silent') await rejectOnAbort(signal)
    if (this.#etcd.watching === 'refuses') throw new Failure('learner', 'rpc not supported for learner')
    const stream = new FakeStream(this.#etcd)
    const watch = new WatchStream(
      stream as unknown as RawWatchStream,
      afterRevision,
      () => stream.failure,
      () => this.#streams.delete(stream),
    )
    await this.#etcd.answer(signal, () => {
      stream.open(afterRevision + 1n)
      this.#streams.add(stream)
    })
    await watch.created
    return watch
  }

  whenReady(): Promise<void> {
    return this.#etcd.whenNotSilent()
  }

  close(): void {
    for (const stream of this.#streams) stream.cancel()
  }
}

/** The raw stream of a watch: the server's end of it, and the events that grpc-js emits on the client's end. */
export class FakeStream extends EventEmitter {
  failure = new Failure('unavailable', 'cancelled')
  readonly #etcd: FakeEtcd
  #paused = false
  #ended = false
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

  break(failure: Failure): void {
    if (this.#ended) return
    this.failure = failure
    this.#ended = true
    this.#etcd.streams.delete(this)
    this.emit('error', failure)
  }

  cancel(): void {
    this.break(this.failure)
  }

  pause(): void {
    this.#paused = true
  }

  resume(): void {
    this.#paused = false
    queueMicrotask(() => this.#flush())
  }

  #flush(): void {
    if (this.#paused || this.#ended || this.#waiting.length === 0) return
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
    if (this.#ended) return
    const header = { revision: String(this.#etcd.revision) }
    this.emit('data', { header, created: false, canceled: false, compact_revision: '0', events: [], ...response })
  }

  #later(run: () => void): void {
    const { latencyMs, clock } = this.#etcd
    if (latencyMs === 0) run()
    else clock.sleep(latencyMs / 2, new AbortController().signal).then(run, () => {})
  }
}
