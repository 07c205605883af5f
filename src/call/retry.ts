import { Failure } from '../sources/reasons.ts'
import { LinkedAbortController } from '../util/abort.ts'
import type { Clock } from '../util/clock.ts'
import { backoffDelay } from './backoff.ts'
import type { Call } from './call.ts'
import type { Config } from './config.ts'

/** What else than time may end a wait. */
export interface Wait {
  /** Longest wait, in milliseconds, where it is not the backoff's. */
  readonly delayMs?: number | undefined
  /** A watch of the key stands. */
  readonly watching?: boolean | undefined
  /** Ends the wait at once, for this cause. A rejection says that it no longer can: from then on the backoff counts. */
  readonly early?: ((signal: AbortSignal) => Promise<'key-changed' | 'connected'>) | undefined
}

export interface Attempts<T> {
  readonly attempt: () => Promise<T>
  /** How to wait after a failure. */
  readonly wait: (failure: Failure) => Promise<Wait>
  /** Changes when what a failure is about may have been mended, such as the certificate files. */
  readonly subject: () => string | undefined
}

/**
 * The one loop: attempts until one succeeds, with jittered backoff between them and early wake.
 * Ends at once when the session's signal is aborted, with its reason.
 *
 * @throws ApiserverAddressError `REJECTED` on a failure that is final or has outlived its patience,
 * `ATTEMPTS_EXHAUSTED` after `maxAttempts`
 */
export async function retry<T>(attempts: Attempts<T>, call: Call, config: Config, clock: Clock): Promise<T> {
  const backoff = new Backoff(config, clock)
  const retryLimit = new RetryLimit(clock)

  const onFailedAttempt = async (failure: Error): Promise<void> => {
    if (!(failure instanceof Failure)) throw failure
    call.waitFor(failure)
    // Whoever was told may have aborted.
    call.signal.throwIfAborted()
    if (retryLimit.isOver(failure, attempts.subject())) throw call.error('REJECTED')
    if (call.attempts >= config.retry.maxAttempts) throw call.error('ATTEMPTS_EXHAUSTED')
    const { delayMs: special, watching = false, early } = await attempts.wait(failure)
    call.signal.throwIfAborted()
    const delayMs = Math.max(0, Math.ceil(Math.min(special ?? backoff.next(failure), call.remainingMs)))
    const { remainingMs, attempts: attempt } = call
    call.emit({
      type: 'retry',
      attempt,
      reason: failure.reason,
      delayMs,
      watching,
      remainingMs: remainingMs === Infinity ? null : remainingMs,
      error: failure,
      ...(failure.missing.length > 0 && { missing: failure.missing }),
    })
    await pause(delayMs, early, () => backoff.next(failure))
  }

  const pause = async (delayMs: number, early: Wait['early'], fallbackMs: () => number): Promise<void> => {
    const controller = new LinkedAbortController(call.signal)
    const sleep = (ms: number) => clock.sleep(ms, controller.signal).then(() => undefined)
    const wake = early?.(controller.signal).catch(() => {
      controller.signal.throwIfAborted()
      return sleep(Math.min(delayMs, fallbackMs()))
    })
    try {
      const cause = await Promise.race([sleep(delayMs), ...(wake === undefined ? [] : [wake])])
      if (cause !== undefined) call.emit({ type: 'wake', cause })
    } finally {
      controller.end()
    }
  }

  const attempt = async (): Promise<T> => {
    const startedAt = clock.now()
    try {
      return await attempts.attempt()
    } catch (error) {
      // Only a spell of watching lasts that long: what ends it is a new fault.
      if (clock.now() - startedAt >= healthyMs) backoff.reset()
      throw error
    }
  }

  // p-retry takes 4 ms to load, and who gets the list at once needs none of it. Who follows the list has it before it is
  // needed: its files may be out of reach by then. Nobody is told anything before the call has returned, and can be ended.
  await (call.attempts > 0 ? import('p-retry') : undefined)
  call.signal.throwIfAborted()
  let first: Promise<T> | undefined = attempt()
  try {
    const result = await first
    call.signal.throwIfAborted()
    return result
  } catch {
    const { default: pRetry } = await import('p-retry')
    const next = (): Promise<T> => {
      const made = first ?? attempt()
      first = undefined
      return made
    }
    return await pRetry(next, {
      // maxAttempts counts reads, and a look at what a watch has delivered is none.
      retries: Infinity,
      // The wait is ours: p-retry's has no jitter at the cap and cannot be ended early.
      minTimeout: 0,
      signal: call.signal,
      onFailedAttempt: ({ error }) => onFailedAttempt(error),
    })
  }
}

/** After a spell of watching this long, the backoff starts again. */
const healthyMs = 30_000

/** Grows while etcd fails in a row or answers in a row, and starts again when one follows the other. */
class Backoff {
  readonly #config: Config
  readonly #clock: Clock
  #answered: boolean | undefined
  #n = 0

  constructor(config: Config, clock: Clock) {
    this.#config = config
    this.#clock = clock
  }

  reset(): void {
    this.#n = 0
  }

  next({ reason }: Failure): number {
    const answered = reason === 'not-set' || reason === 'incomplete'
    if (answered !== this.#answered) this.#n = 0
    this.#answered = answered
    return backoffDelay(this.#n++, this.#config.retry, () => this.#clock.random())
  }
}

/** Tells when a failure that a moment may mend has lasted too long. */
class RetryLimit {
  readonly #clock: Clock
  #about: string | undefined
  #since = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  isOver({ reason, message, retryForMs }: Failure, subject: string | undefined): boolean {
    const about = retryForMs === Infinity ? undefined : `${reason} ${subject ?? message}`
    const now = this.#clock.now()
    if (about !== this.#about) this.#since = now
    this.#about = about
    return about !== undefined && now - this.#since >= retryForMs
  }
}
