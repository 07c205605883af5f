import { Waiters } from './waiters.ts'

/**
 * Runs an operation once at a time for each key, and gives its result to all callers that wait for it. A caller that is
 * aborted leaves nothing behind, also if the operation never ends.
 */
export class SharedOperations<T> {
  readonly #start: (key: string) => Promise<T>
  readonly #running = new Map<string, Waiters<T>>()

  constructor(start: (key: string) => Promise<T>) {
    this.#start = start
  }

  /** Returns whether the operation for this key has not ended. */
  isRunning(key: string): boolean {
    return this.#running.has(key)
  }

  /**
   * Settles as the operation does that runs for this key, or that starts now.
   *
   * @throws `signal.reason` when the signal is aborted
   */
  run(key: string, signal?: AbortSignal): Promise<T> {
    return (this.#running.get(key) ?? this.#run(key)).wait(signal)
  }

  #run(key: string): Waiters<T> {
    const waiters = new Waiters<T>()
    this.#running.set(key, waiters)
    const end = () => this.#running.delete(key)
    this.#start(key)
      .finally(end)
      .then(
        (result) => waiters.wake(result),
        (error: Error) => waiters.fail(error),
      )
    return waiters
  }
}
