import type { Clock } from '../util/clock.ts'

interface Timer {
  readonly at: number
  readonly wake: () => void
}

// Kept from the start, because a test may replace the timers of Node by others that never end.
const { setImmediate } = globalThis

/** A clock that only a test moves. */
export class ManualClock implements Clock {
  readonly #timers = new Set<Timer>()
  #now = 0

  /** The number of sleeps that have neither ended nor been aborted. */
  get sleeping(): number {
    return this.#timers.size
  }

  /** The time at which the next sleep ends; `Infinity` if there is none. */
  get nextAt(): number {
    return Math.min(...[...this.#timers].map(({ at }) => at))
  }

  now(): number {
    return this.#now
  }

  /** Returns the middle, so that a test is the same every time. */
  random(): number {
    return 0.5
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
    this.#now = Math.max(this.#now, end)
  }

  /** Lets `ms` pass without ending any sleep. */
  protected skip(ms: number): void {
    this.#now += ms
  }
}

/** Resolves when the code that is ready to run has run. */
export const idle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
