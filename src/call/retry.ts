import pRetry from 'p-retry'
import type { WakeEvent } from '../events.ts'
import { Failure } from '../sources/failure.ts'
import { withLinkedAbort } from '../util/abort.ts'
import { Backoff } from './backoff.ts'
import type { CallContext } from './context.ts'
import { RetryLimit } from './retry-limit.ts'

/** What ends a wait early. */
type WakeCause = WakeEvent['cause']

/** How to wait after a failed attempt. */
export interface Wait {
  /** The longest wait in milliseconds; the backoff decides if it is `undefined`. */
  readonly delayMs?: number | undefined
  /** Whether a watch of the key is open. */
  readonly watching?: boolean | undefined
  /** Ends the wait early when it resolves. When it rejects, nothing ends the wait early, and the backoff decides. */
  readonly early?: ((signal: AbortSignal) => Promise<WakeCause>) | undefined
}

/** The work to repeat. */
export interface Attempts<T> {
  /** @param onSuccess notes that the source works again, in an attempt that then continues */
  readonly attempt: (onSuccess: () => void) => Promise<T>
  /** Returns how to wait after a failure. */
  readonly wait: (failure: Failure) => Promise<Wait>
  /** The largest number of reads. */
  readonly maxAttempts: number
}

/** A source that has worked this long was healthy, so that its end is a new fault: the backoff starts again. */
const healthyMs = 30_000

/**
 * Repeats attempts until one succeeds. This is the only place in the package that retries.
 *
 * @throws ApiserverAddressError `REJECTED` for a failure that is final or has lasted too long, `ATTEMPTS_EXHAUSTED` after
 * `maxAttempts` reads
 * @throws the reason of the call's signal, at once when it is aborted
 */
export async function retry<T>(attempts: Attempts<T>, context: CallContext): Promise<T> {
  const loop = new RetryLoop(attempts, context)
  // The first event must not be emitted before the caller has the promise, because its listener may end the call.
  await Promise.resolve()
  return pRetry(() => loop.attempt(), {
    // maxAttempts counts reads. An attempt that takes its list from the watch is not a read.
    retries: Infinity,
    // onFailedAttempt waits instead: the delay of p-retry has no jitter at its cap and cannot be ended early.
    minTimeout: 0,
    signal: context.call.signal,
    onFailedAttempt: ({ error }) => loop.onFailedAttempt(error),
  })
}

class RetryLoop<T> {
  readonly #attempts: Attempts<T>
  readonly #context: CallContext
  readonly #backoff: Backoff
  readonly #limit: RetryLimit

  constructor(attempts: Attempts<T>, context: CallContext) {
    this.#attempts = attempts
    this.#context = context
    this.#backoff = new Backoff(context.config.retry, context.clock)
    this.#limit = new RetryLimit(context.clock)
  }

  async attempt(): Promise<T> {
    const { clock } = this.#context
    let workedAt = Infinity
    const onSuccess = () => {
      workedAt = clock.now()
      this.#limit.reset()
    }
    try {
      return await this.#attempts.attempt(onSuccess)
    } catch (error) {
      if (clock.now() - workedAt >= healthyMs) this.#backoff.reset()
      throw error
    }
  }

  /** Rejects if the failure is final, and otherwise resolves when it is time for the next attempt. */
  async onFailedAttempt(failure: Error): Promise<void> {
    const { call, source } = this.#context
    if (!(failure instanceof Failure)) throw failure
    await call.waitFor(failure)
    // A listener may have aborted.
    call.signal.throwIfAborted()
    if (this.#limit.isOver(failure, source.fingerprint)) throw call.error('REJECTED')
    if (call.attempts >= this.#attempts.maxAttempts) throw call.error('ATTEMPTS_EXHAUSTED')
    const wait = await this.#attempts.wait(failure)
    call.signal.throwIfAborted()
    await this.#pause(failure, wait)
  }

  async #pause(failure: Failure, { delayMs: longestMs, watching = false, early }: Wait): Promise<void> {
    const { call, source } = this.#context
    // A watch ends when the files of the node choose another source, so its wait needs no limit.
    const limitMs = watching ? Infinity : source.longestDelayMs
    const ownMs = Math.min(longestMs ?? this.#backoff.next(failure), limitMs)
    // `Retry-After` of a server may exceed `longestDelayMs`.
    const wantedMs = longestMs === undefined ? Math.max(ownMs, failure.retryAfterMs) : ownMs
    const delayMs = Math.max(0, Math.ceil(Math.min(wantedMs, call.remainingMs)))
    this.#emitRetry(failure, delayMs, watching)
    await withLinkedAbort(call.signal, async ({ signal }) => {
      const waits: Promise<WakeCause | undefined>[] = [this.#sleep(delayMs, signal)]
      if (early !== undefined) {
        const fallback = () => {
          signal.throwIfAborted()
          return this.#sleep(Math.min(delayMs, this.#backoff.next(failure)), signal)
        }
        waits.push(early(signal).catch(fallback))
      }
      const cause = await Promise.race(waits)
      if (cause !== undefined) call.emit({ type: 'wake', cause })
    })
  }

  async #sleep(ms: number, signal: AbortSignal): Promise<undefined> {
    await this.#context.clock.sleep(ms, signal)
  }

  #emitRetry(failure: Failure, delayMs: number, watching: boolean): void {
    const { call } = this.#context
    const { remainingMs, attempts } = call
    call.emit({
      type: 'retry',
      attempt: attempts,
      reason: failure.reason,
      source: this.#context.source.kind,
      delayMs,
      watching,
      remainingMs: remainingMs === Infinity ? null : remainingMs,
      error: failure,
      ...(failure.missing.length > 0 && { missing: failure.missing }),
    })
  }
}
