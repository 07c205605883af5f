import type { Config } from '../call/config.ts'
import { defaultEndpoints, defaultKey, kubernetesService, localApiservers } from '../rke2.ts'
import { sourceDefaults } from '../sources/defaults.ts'
import { Failure } from '../sources/failure.ts'
import { retryForMsOf } from '../sources/reasons.ts'
import type { Snapshot, Source, SourceKind, SourceWatch } from '../sources/source.ts'
import { orAborted } from '../util/abort.ts'
import { messageOf } from '../util/text.ts'
import type { Store, StoreListener } from './store.ts'

/** The source of one call: it reads and watches the list in memory. */
export class MemorySource implements Source {
  readonly kind: SourceKind
  readonly subject: string
  readonly endpoint: string
  readonly shrinkDelayMs: number
  readonly longestDelayMs: number = Infinity
  readonly serverCaFiles: readonly string[] = []
  readonly fingerprint: undefined
  readonly wakesAfterFailure: boolean = true
  readonly #store: Store
  readonly #watches = new Set<MemoryWatch>()
  readonly #listener: StoreListener = {
    onWrite: (snapshot) => this.#watches.forEach((watch) => watch.push(snapshot)),
    onFail: () => this.#watches.forEach((watch) => watch.fail(this.#failure())),
    onRecover: () => this.#recovered.resolve(),
  }
  #recovered = Promise.withResolvers<void>()

  constructor(store: Store, { source, distribution, key, endpoints }: Config) {
    const actual = distribution === 'auto' ? 'rke2' : distribution
    this.kind = source === 'auto' ? 'etcd' : source
    this.subject = this.kind === 'etcd' ? (key ?? defaultKey(actual)) : kubernetesService
    const [local = ''] = this.kind === 'etcd' ? defaultEndpoints : localApiservers[actual]
    this.endpoint = endpoints?.[0].url ?? local
    this.shrinkDelayMs = sourceDefaults[this.kind].shrinkDelayMs
    this.#store = store
    store.listen(this.#listener)
  }

  async read(signal: AbortSignal): Promise<Snapshot> {
    signal.throwIfAborted()
    this.#throwFault()
    return this.#store.now
  }

  async watch(afterRevision: bigint, signal: AbortSignal): Promise<SourceWatch> {
    signal.throwIfAborted()
    this.#throwFault()
    const watch = new MemoryWatch(() => this.#watches.delete(watch))
    this.#watches.add(watch)
    for (const snapshot of this.#store.writesAfter(afterRevision)) watch.push(snapshot)
    return watch
  }

  hint(): undefined {
    return undefined
  }

  pending(): undefined {
    return undefined
  }

  /** Resolves when `recover()` is called. */
  whenConnected(): Promise<void> {
    // The fault may be over by now.
    if (this.#store.fault === undefined) return Promise.resolve()
    this.#recovered = Promise.withResolvers()
    return this.#recovered.promise
  }

  close(): void {
    this.#store.unlisten(this.#listener)
    this.#watches.clear()
  }

  #throwFault(): void {
    if (this.#store.fault !== undefined) throw this.#failure()
  }

  #failure(): Failure {
    const { reason = 'unavailable', cause } = this.#store.fault ?? {}
    const what = cause === undefined ? `the fake fails with ${reason}` : messageOf(cause)
    const retryForMs = retryForMsOf(reason, this.kind)
    return new Failure(reason, `${this.endpoint}: ${what}`, { retryForMs, ...(cause !== undefined && { cause }) })
  }
}

class MemoryWatch implements SourceWatch {
  readonly isOver = false
  readonly #onClose: () => void
  #changes: Snapshot[] = []
  #failure: Failure | undefined
  #changed = Promise.withResolvers<void>()

  constructor(onClose: () => void) {
    this.#onClose = onClose
  }

  push(snapshot: Snapshot): void {
    this.#changes.push(snapshot)
    this.#changed.resolve()
  }

  fail(failure: Failure): void {
    this.#failure = failure
    this.#changes = []
    this.#changed.resolve()
  }

  async changed(signal: AbortSignal): Promise<void> {
    await orAborted(this.#changed.promise, signal)
    if (this.#failure !== undefined) throw this.#failure
  }

  drain(): readonly Snapshot[] {
    const changes = this.#changes
    if (this.#failure === undefined) this.#changed = Promise.withResolvers()
    this.#changes = []
    return changes
  }

  close(): void {
    this.#onClose()
  }
}
