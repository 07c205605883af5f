import { idle, ManualClock } from '../../src/testing/manual-clock.ts'
// Loaded here, because the first call would load it in real time, which this clock does not measure.
import 'p-retry'

export { idle }

/** A clock that only the test moves. */
export class VirtualClock extends ManualClock {
  readonly #random: () => number

  constructor(random: () => number = () => 0.5) {
    super()
    this.#random = random
  }

  override random(): number {
    return this.#random()
  }

  /** Lets `ms` pass while the process is stopped: the sleeps that are due in this time all end late, together. */
  async standStill(ms: number): Promise<void> {
    this.skip(ms)
    await this.advance(0)
  }

  /** Moves the time to the end of the next sleep, if there is one. */
  async next(): Promise<void> {
    await idle()
    if (this.nextAt !== Infinity) await this.advance(this.nextAt - this.now())
  }
}
