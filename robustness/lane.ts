/** Does one thing after the other. */
export class Lane {
  #last: Promise<unknown> = Promise.resolve()
  #waiting = 0

  /** Things under way or waiting. */
  get length(): number {
    return this.#waiting
  }

  do<T>(job: () => Promise<T>): Promise<T> {
    this.#waiting++
    const done = this.#last.then(job).finally(() => this.#waiting--)
    this.#last = done.catch(() => {})
    return done
  }
}

/** Has several lanes at once: begins when all of them are free, and keeps them until it is done. */
export async function inAll<T>(lanes: readonly Lane[], job: () => Promise<T>): Promise<T> {
  const over = Promise.withResolvers<void>()
  try {
    await Promise.all(
      lanes.map((lane) => {
        const reached = Promise.withResolvers<void>()
        void lane.do(() => {
          reached.resolve()
          return over.promise
        })
        return reached.promise
      }),
    )
    return await job()
  } finally {
    over.resolve()
  }
}
