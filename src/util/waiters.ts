import { orAborted } from './abort.ts'

/** The callers that wait for the next change. */
export class Waiters {
  /** One promise for each wait: a promise that lives as long as a watch would collect reactions for as long. */
  readonly #waiters = new Set<PromiseWithResolvers<void>>()

  /**
   * Resolves when the waiters are woken.
   *
   * @throws the error of `fail`
   * @throws `signal.reason` when the signal is aborted
   */
  async wait(signal: AbortSignal): Promise<void> {
    const waiter = Promise.withResolvers<void>()
    this.#waiters.add(waiter)
    try {
      await orAborted(waiter.promise, signal)
    } finally {
      this.#waiters.delete(waiter)
    }
  }

  wake(): void {
    for (const waiter of this.#waiters) waiter.resolve()
  }

  fail(error: Error): void {
    for (const waiter of this.#waiters) waiter.reject(error)
  }
}
