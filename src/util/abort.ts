/**
 * An abort controller that also aborts when a parent signal does.
 *
 * It is linked and unlinked by hand: on Node 22, `AbortSignal.any` keeps memory for as long as the parent lives
 * (nodejs/node#64476).
 */
export class LinkedAbortController {
  readonly #controller = new AbortController()
  readonly #parent: AbortSignal | undefined
  readonly #onParentAbort = (): void => this.abort(this.#parent?.reason)

  constructor(parent: AbortSignal | undefined) {
    this.#parent = parent
    if (parent?.aborted === true) this.#onParentAbort()
    else parent?.addEventListener('abort', this.#onParentAbort, { once: true })
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  abort(reason: unknown): void {
    this.#controller.abort(reason)
  }

  /** Unlinks the parent, and aborts everything that still waits for this signal. */
  end(): void {
    this.#parent?.removeEventListener('abort', this.#onParentAbort)
    this.abort(ended)
  }
}

const ended = new Error('the operation has ended')

/** Runs an operation with a signal that aborts with the parent, and after the operation has settled. */
export async function withLinkedAbort<T>(
  parent: AbortSignal,
  operation: (controller: LinkedAbortController) => Promise<T>,
): Promise<T> {
  const controller = new LinkedAbortController(parent)
  try {
    return await operation(controller)
  } finally {
    controller.end()
  }
}

/** The part of a clock that a timeout needs. */
interface Sleeper {
  sleep(ms: number, signal: AbortSignal): Promise<void>
}

/** Runs an operation whose signal also aborts after `ms`, with the value that `reason` returns then. */
export function withTimeout<T>(
  clock: Sleeper,
  ms: number,
  reason: () => unknown,
  parent: AbortSignal,
  operation: (controller: LinkedAbortController) => Promise<T>,
): Promise<T> {
  return withLinkedAbort(parent, (controller) => {
    clock.sleep(ms, controller.signal).then(
      () => controller.abort(reason()),
      () => {},
    )
    return operation(controller)
  })
}

/** Settles as the promise does, or rejects with `signal.reason` as soon as the signal aborts. */
export function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason)
    if (signal.aborted) abort()
    else signal.addEventListener('abort', abort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}
