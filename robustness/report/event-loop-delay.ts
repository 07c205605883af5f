const intervalMs = 25

/**
 * Measures when this process was stopped, or its event loop was blocked: such delays are not the library's fault.
 */
export class EventLoopDelay implements Disposable {
  readonly #timer: NodeJS.Timeout
  #delays: { readonly from: number; readonly to: number }[] = []
  #lastTick = performance.now()

  constructor() {
    this.#timer = setInterval(() => {
      const now = performance.now()
      if (now - this.#lastTick > intervalMs * 1.5) this.#delays.push({ from: this.#lastTick + intervalMs, to: now })
      this.#lastTick = now
    }, intervalMs)
  }

  /** Returns the total length of the delays that overlap with the time from `start` to `end`, in milliseconds. */
  totalMs(start: number, end: number): number {
    const current = { from: this.#lastTick + intervalMs, to: performance.now() }
    return [...this.#delays, current].reduce(
      (sum, { from, to }) => sum + (from <= end && to >= start ? Math.max(0, to - from) : 0),
      0,
    )
  }

  /** Forgets the delays before a moment. */
  forget(before: number): void {
    this.#delays = this.#delays.filter(({ to }) => to >= before)
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
  }
}
