import { onTestFinished } from 'vitest'
import type { AddressChange, ApiserverAddressWatch, WatchOptions } from '../../src/index.ts'
import { watchApiserverAddresses } from '../../src/index.ts'
import type { EtcdCluster } from './etcd-cluster.ts'
import { Recorder } from './recorder.ts'

/** Returns a watch of an etcd in containers, with the certificate files of its data directory. */
export const watchEtcd = ({ dataDir, endpoints }: EtcdCluster, more: WatchOptions = {}): ObservedWatch =>
  new ObservedWatch({ dataDir, endpoints, ...more })

/** A watch with everything that its caller can observe. It is closed at the end of the test. */
export class ObservedWatch {
  readonly events = new Recorder()
  readonly watch: ApiserverAddressWatch
  /** The outcome of the `next()` that {@link startNext} has called: its result, or its error in an object. */
  pendingNext: Promise<unknown> | undefined

  constructor(options: WatchOptions) {
    this.watch = watchApiserverAddresses({ events: this.events.emitter, ...options })
    onTestFinished(() => this.watch.close())
  }

  /** Resolves with the next change; rejects if the watch ends instead. */
  async next(): Promise<AddressChange> {
    const { done, value } = await this.watch.next()
    if (done === true) throw new Error('the watch has ended')
    return value
  }

  /** Calls `next()` and keeps its outcome in {@link pendingNext}. */
  startNext(): void {
    this.pendingNext = this.watch.next().catch((error: unknown) => ({ error }))
  }

  /** Resolves with the first list when the watch follows the key. The events until then are removed. */
  async start(): Promise<AddressChange> {
    const first = await this.next()
    await this.events.until('connected')
    this.events.clear()
    return first
  }
}
