import type { Clock } from '../../src/util/clock.ts'
// Loaded here, because the first call would load it in real time, which this clock does not measure.
import 'p-retry'

interface Timer {
  readonly at: number
  readonly wake: () => void
}

/** A clock that only the test moves. */
export class VirtualClock implements Clock {
  readonly #timers = new Set<Timer>()
  readonly #random: () => number
  #now = 0

  constructor(random: () => number = () => 0.5) {
    this.#random = random
  }

  /** The number of sleeps that have neither ended nor been aborted. */
  get sleeping(): number {
    return this.#timers.size
  }

  /** When the next sleep ends; `Infinity` if there is none. */
  get nextAt(): number {
    return Math.min(...[...this.#timers].map((timer) => timer.at))
  }

  now(): number {
    return this.#now
  }

  random(): number {
    return this.#random()
  }

  sleep(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason)
      const timer: Timer = {
        at: this.#now + ms,
        wake: () => {
          this.#timers.delete(timer)
          signal.removeEventListener('abort', abort)
          resolve()
        },
      }
      const abort = () => {
        this.#timers.delete(timer)
        reject(signal.reason)
      }
      this.#timers.add(timer)
      signal.addEventListener('abort', abort, { once: true })
    })
  }

  /** Lets `ms` pass. Each sleep ends at its own time, and the code that waits for it runs before the next one ends. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms
    await idle()
    for (;;) {
      const [next] = [...this.#timers].toSorted((a, b) => a.at - b.at)
      if (next === undefined || next.at > end) break
      this.#now = Math.max(this.#now, next.at)
      next.wake()
      await idle()
    }
    this.#now = end
  }

  /** Lets `ms` pass while the process is stopped: the sleeps that are due in this time all end late, together. */
  async standStill(ms: number): Promise<void> {
    this.#now += ms
    await this.advance(0)
  }

  /** Moves the time to the end of the next sleep, if there is one. */
  async next(): Promise<void> {
    await idle()
    const at = this.nextAt
    if (at !== Infinity) await this.advance(at - this.#now)
  }
}

/** Resolves when the code that is ready to run has run. */
export const idle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
