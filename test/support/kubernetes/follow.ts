import { setTimeout as sleep } from 'node:timers/promises'
import { onTestFinished } from 'vitest'
import { parseOptions } from '../../../src/call/config.ts'
import type { ApiserverAddressEvent } from '../../../src/events.ts'
import type { AddressChange, WatchOptions } from '../../../src/index.ts'
import { SelectedSource } from '../../../src/sources/selected-source.ts'
import type { Source } from '../../../src/sources/source.ts'
import { Watch } from '../../../src/watch.ts'
import { VirtualClock } from '../clock.ts'
import { Recorder } from '../recorder.ts'

/** What other threads do for this process. A file that never answers must not stop the test. */
const isRequest = (resource: string) => /^(?:FSReq|GetAddrInfoReq)/.test(resource)
const longestTurns = 1000

/**
 * Resolves when the network and the file system have had their turn. Both sides of a connection are in this process, so
 * turns of its event loop count, and not time. They begin again while a file is read, which takes as long as it takes.
 */
async function turns(): Promise<void> {
  for (let left = 20, all = longestTurns; left > 0 && all > 0; left--, all--) {
    await sleep(1)
    if (process.getActiveResourcesInfo().some(isRequest)) left = 20
  }
}

/** A watch in virtual time over real connections. It is closed at the end of the test. */
export class VirtualWatch {
  readonly clock = new VirtualClock()
  readonly events = new Recorder()
  readonly watch: Watch

  /** @param createSource creates another source than the one that the options choose */
  constructor(options: WatchOptions, createSource?: (clock: VirtualClock) => Source) {
    const config = parseOptions({ ...options, events: this.events.emitter }, 'watch')
    const source = createSource?.(this.clock) ?? new SelectedSource(config, this.clock)
    this.watch = new Watch(config, this.clock, source)
    onTestFinished(() => this.watch.close())
  }

  /** Resolves with the first list when the watch follows it. The events until then are removed. */
  async start(): Promise<AddressChange> {
    const { value } = await this.watch.next()
    await this.events.until('connected')
    this.events.clear()
    return value!
  }

  /** Lets `ms` pass. At the end of each sleep, the network has its turn. */
  async advance(ms: number): Promise<void> {
    const end = this.clock.now() + ms
    for (;;) {
      await turns()
      const at = Math.min(this.clock.nextAt, end)
      await this.clock.advance(Math.max(0, at - this.clock.now()))
      if (at === end) return turns()
    }
  }

  /** Lets the pauses between attempts pass until the watch fails. An attempt takes no virtual time, however slow it is. */
  async passPauses(): Promise<void> {
    for (let attempt = 0; ;) {
      const next = this.events.until('retry', (event) => event.attempt > attempt)
      const event = await Promise.race([next, this.events.until('failed')])
      if (event.type === 'failed') return
      attempt = event.attempt
      await this.clock.advance(event.delayMs)
    }
  }

  /** Lets time pass until there is such an event. Resolves with the time that has passed. */
  async advanceUntil(type: ApiserverAddressEvent['type']): Promise<number> {
    const startedAt = this.clock.now()
    while (!this.events.types.includes(type)) await this.advance(Math.max(1, this.clock.nextAt - this.clock.now()))
    return this.clock.now() - startedAt
  }
}
