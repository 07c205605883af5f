/** Runs jobs one at a time, in the order in which they arrive. */
export class Mutex {
  #last: Promise<unknown> = Promise.resolve()
  #jobs = 0

  /** Whether a job is running or waiting. */
  get locked(): boolean {
    return this.#jobs > 0
  }

  run<T>(job: () => Promise<T>): Promise<T> {
    this.#jobs++
    const result = this.#last.then(job).finally(() => this.#jobs--)
    this.#last = result.catch(() => {})
    return result
  }
}

/** Runs a job that holds several mutexes: it starts when all of them are free. */
export async function lockAll<T>(mutexes: readonly Mutex[], job: () => Promise<T>): Promise<T> {
  const released = Promise.withResolvers<void>()
  try {
    await Promise.all(
      mutexes.map((mutex) => {
        const acquired = Promise.withResolvers<void>()
        void mutex.run(() => {
          acquired.resolve()
          return released.promise
        })
        return acquired.promise
      }),
    )
    return await job()
  } finally {
    released.resolve()
  }
}
