import type { Failure } from '../sources/failure.ts'
import type { Clock } from '../util/clock.ts'

/** Decides when a failure has lasted too long, by its `retryForMs`. */
export class RetryLimit {
  readonly #clock: Clock
  /** Identifies the failure that lasts; `undefined` for one that is retried without limit. */
  #failing: string | undefined
  #since = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Notes a success: the next failure is the first one in a row. */
  reset(): void {
    this.#failing = undefined
  }

  /**
   * Returns whether the call must end with this failure.
   *
   * @param fingerprint of the credentials: with new certificate files, the same reason is a new failure
   */
  isOver({ reason, message, retryForMs }: Failure, fingerprint: string | undefined): boolean {
    const failing = retryForMs === Infinity ? undefined : `${reason} ${fingerprint ?? message}`
    const now = this.#clock.now()
    if (failing !== this.#failing) this.#since = now
    this.#failing = failing
    return failing !== undefined && now - this.#since >= retryForMs
  }
}
