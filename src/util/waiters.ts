import { orAborted } from './abort.ts'

/** The callers that wait for the next change or result. */
export class Waiters<T = void> {
  /** One promise for each wait: a promise that lives as long as a watch would collect reactions for as long. */
  readonly #waiters = new Set<PromiseWithResolvers<T>>()

  /**
   * Resolves when the waiters are woken.
   *
   * @throws the error of `fail`
   * @throws `signal.reason` when the signal is aborted
   */
  async wait(signal?: AbortSignal): Promise<T> {
    const waiter = Promise.withResolvers<T>()
    this.#waiters.add(waiter)
    try {
      return await (signal === undefined ? waiter.promise : orAborted(waiter.promise, signal))
    } finally {
      this.#waiters.delete(waiter)
    }
  }

  wake(result: T): void {
    for (const waiter of this.#waiters) waiter.resolve(result)
  }

  fail(error: Error): void {
    for (const waiter of this.#waiters) waiter.reject(error)
  }
}
