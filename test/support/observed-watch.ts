import { onTestFinished } from 'vitest'
import type { AddressChange, ApiserverAddressWatch, WatchOptions } from '../../src/index.ts'
import { watchApiserverAddresses } from '../../src/index.ts'
import { Recorder } from './recorder.ts'

/** A watch of a real etcd, and all that a caller can see of it. Closed, if need be, when its test ends. */
export class ObservedWatch {
  readonly events = new Recorder()
  readonly watch: ApiserverAddressWatch
  pendingNext: Promise<unknown> | undefined

  constructor(options: WatchOptions) {
    this.watch = watchApiserverAddresses({ events: this.events.emitter, ...options })
    onTestFinished(() => this.watch.close())
  }

  /** The next state; fails if the watch ends instead. */
  async next(): Promise<AddressChange> {
    const { done, value } = await this.watch.next()
    if (done === true) throw new Error('the watch is over')
    return value
  }

  /** Calls `next()` without a change to come; {@link pendingNext} is its outcome. */
  startNext(): void {
    this.pendingNext = this.watch.next().catch((error: unknown) => ({ error }))
  }

  /** The first list, once the key is followed; the events up to there are forgotten. */
  async begin(): Promise<AddressChange> {
    const first = await this.next()
    await this.events.until('connected')
    this.events.clear()
    return first
  }
}
