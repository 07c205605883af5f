import { setMaxListeners } from 'node:events'

/**
 * An abort controller that also aborts when a parent signal does.
 *
 * It is linked and unlinked by hand: on Node 22, `AbortSignal.any` keeps memory for as long as the parent lives
 * (nodejs/node#64476).
 */
export class LinkedAbortController {
  readonly #controller = new AbortController()
  readonly #unlink: (() => void) | undefined

  constructor(parent: AbortSignal | undefined) {
    // Many waits may listen to it. Some versions of Node 22 warn about more than ten.
    setMaxListeners(0, this.#controller.signal)
    if (parent?.aborted === true) this.abort(parent.reason)
    else this.#unlink = parent && onAbort(parent, () => this.abort(parent.reason))
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  abort(reason: unknown): void {
    this.#controller.abort(reason)
  }

  /** Unlinks the parent, and aborts everything that still waits for this signal. */
  end(): void {
    this.#unlink?.()
    this.abort(ended)
  }
}

const ended = new Error('the operation has ended')

/** What waits for the same signal, and the one listener for all of it. */
interface Listening {
  readonly callbacks: Set<() => void>
  readonly listener: () => void
}

const listening = new WeakMap<AbortSignal, Listening>()

/**
 * Calls back when a signal aborts, with one listener for all that wait for the same signal: a program may use one signal
 * for many calls, and some versions of Node 22 warn about more than ten listeners.
 *
 * @returns a function that removes the callback
 */
function onAbort(signal: AbortSignal, callback: () => void): () => void {
  const { callbacks, listener } = listening.get(signal) ?? listenTo(signal)
  callbacks.add(callback)
  return () => {
    callbacks.delete(callback)
    if (callbacks.size > 0 || listening.get(signal)?.callbacks !== callbacks) return
    listening.delete(signal)
    signal.removeEventListener('abort', listener)
  }
}

function listenTo(signal: AbortSignal): Listening {
  const callbacks = new Set<() => void>()
  const listener = () => {
    listening.delete(signal)
    for (const callback of callbacks) callback()
  }
  signal.addEventListener('abort', listener, { once: true })
  const created = { callbacks, listener }
  listening.set(signal, created)
  return created
}

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
