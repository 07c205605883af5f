import { onTestFinished } from 'vitest'
import type { AddressChange, ApiserverAddressWatch, WatchOptions } from '../../src/index.ts'
import { watchApiserverAddresses } from '../../src/index.ts'
import { Recorder } from './recorder.ts'

/** A watch of a real etcd, and all that a caller can see of it. Closed, if need be, when its test ends. */
export class ObservedWatch {
  readonly events = new Recorder()
  readonly watch: ApiserverAddressWatch
  asked: Promise<unknown> | undefined

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

  /** Asks for a state that never comes; {@link asked} is what comes instead. */
  ask(): void {
    this.asked = this.watch.next().catch((error: unknown) => ({ error }))
  }

  /** The first list, once the key is followed; the events up to there are forgotten. */
  async begin(): Promise<AddressChange> {
    const first = await this.next()
    await this.events.until('connected')
    this.events.clear()
    return first
  }
}
