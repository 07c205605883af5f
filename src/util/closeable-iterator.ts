/** The result of `next()` at the end. */
export const done: IteratorReturnResult<undefined> = Object.freeze({ done: true, value: undefined })

/** An iterator that `break`, `return()` and `await using` close, also while a `next()` is pending. */
export abstract class CloseableIterator<T> implements AsyncIterableIterator<T, undefined>, AsyncDisposable {
  abstract next(): Promise<IteratorResult<T, undefined>>
  abstract close(): Promise<void>

  async return(): Promise<IteratorReturnResult<undefined>> {
    await this.close()
    return done
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  [Symbol.asyncIterator](): this {
    return this
  }
}
