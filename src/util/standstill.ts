import type { Clock } from './clock.ts'

const intervalMs = 250
/** How late a timer may fire in a busy process. */
const lateMs = 100

/** Notices when this process is stopped, or its event loop blocked: timers then fire late, and sockets are not read. */
export class StandstillDetector {
  readonly #clock: Clock
  #checkedAt: number
  #lastAt = -Infinity

  constructor(clock: Clock) {
    this.#clock = clock
    this.#checkedAt = clock.now()
  }

  /** Checks regularly, and ends when the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#clock.sleep(intervalMs, signal).catch(() => {})
      this.#check()
    }
  }

  /** Returns whether the process was stopped, or its event loop blocked, at any moment since a time. */
  hasStoppedSince(time: number): boolean {
    this.#check()
    return this.#lastAt > time
  }

  #check(): void {
    const now = this.#clock.now()
    if (now - this.#checkedAt > intervalMs + lateMs) this.#lastAt = now
    this.#checkedAt = now
  }
}
