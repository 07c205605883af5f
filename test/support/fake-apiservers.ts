import type { Probe } from '../../src/probe/probe.ts'
import type { VirtualClock } from './clock.ts'

/** The apiservers behind the addresses of a list: alive, unless the test sets another state. */
export class FakeApiservers {
  readonly states = new Map<string, 'alive' | 'dead' | 'silent'>()
  /** Every address that was probed, in order. */
  readonly probed: string[] = []
  /** The number of probes that run now, and the largest number that ran at the same time. */
  running = 0
  mostRunning = 0
  /** Milliseconds until an apiserver answers. */
  latencyMs = 0
  readonly #clock: VirtualClock

  constructor(clock: VirtualClock) {
    this.#clock = clock
  }

  readonly probe: Probe = async ({ address }, signal) => {
    this.probed.push(address)
    this.mostRunning = Math.max(this.mostRunning, ++this.running)
    try {
      const isSilent = this.states.get(address) === 'silent'
      if (isSilent || this.latencyMs > 0) await this.#clock.sleep(isSilent ? Infinity : this.latencyMs, signal)
      if (this.states.get(address) === 'dead') throw new Error('refused')
    } catch (error) {
      throw signal.aborted ? new Error('no answer') : error
    } finally {
      this.running--
    }
  }
}
