const everyMs = 25

/** Feels how late this process is with its timers: what is late by no more than that is not late. */
export class Pulse implements Disposable {
  readonly #timer: NodeJS.Timeout
  #late: { readonly from: number; readonly to: number }[] = []
  #last = performance.now()

  constructor() {
    this.#timer = setInterval(() => {
      const now = performance.now()
      if (now - this.#last > everyMs * 1.5) this.#late.push({ from: this.#last + everyMs, to: now })
      this.#last = now
    }, everyMs)
  }

  /** Milliseconds in all, from `start` to `end`, in which this process was not there. */
  lateMs(start: number, end: number): number {
    const running = { from: this.#last + everyMs, to: performance.now() }
    return [...this.#late, running].reduce(
      (sum, { from, to }) => sum + (from <= end && to >= start ? Math.max(0, to - from) : 0),
      0,
    )
  }

  /** Forgets what was before. */
  forget(before: number): void {
    this.#late = this.#late.filter(({ to }) => to >= before)
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
  }
}
