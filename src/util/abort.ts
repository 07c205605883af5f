/**
 * An abort signal of our own that also ends with the parent's. Linked by hand and unlinked at the end: on Node 22,
 * `AbortSignal.any` keeps memory for as long as the caller's signal lives.
 */
export class LinkedAbortController {
  readonly #controller = new AbortController()
  readonly #parent: AbortSignal | undefined
  readonly #follow = (): void => this.abort(this.#parent?.reason)

  constructor(parent: AbortSignal | undefined) {
    this.#parent = parent
    if (parent?.aborted === true) this.#follow()
    else parent?.addEventListener('abort', this.#follow, { once: true })
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  abort(reason: unknown): void {
    this.#controller.abort(reason)
  }

  /** Lets go of the parent, and ends whatever still waits in this scope. */
  end(): void {
    this.#parent?.removeEventListener('abort', this.#follow)
    this.abort(ended)
  }
}

const ended = new Error('over')

/** What comes of the promise, or a rejection with `signal.reason` as soon as the signal is aborted. */
export function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason)
    if (signal.aborted) abort()
    else signal.addEventListener('abort', abort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}
