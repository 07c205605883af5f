import type { Failure } from '../sources/failure.ts'
import { maxTimerMs } from '../util/clock.ts'
import type { Clock } from '../util/clock.ts'

/** The part of the option `retry` that concerns delays, with its defaults filled in. */
export interface BackoffOptions {
  readonly initialDelayMs: number
  readonly maxDelayMs: number
  readonly factor: number
  readonly jitter: 'equal' | 'full' | 'none'
}

/**
 * Returns the delay in milliseconds after failure number `n` in a row, counted from 0.
 *
 * The delay grows exponentially, is capped, and gets its jitter last, so that clients at the cap are not in step.
 */
export function backoffDelay(n: number, options: BackoffOptions, random: () => number): number {
  const { initialDelayMs, maxDelayMs, factor, jitter } = options
  const delay = Math.min(initialDelayMs * factor ** n, maxDelayMs, maxTimerMs)
  if (jitter === 'none') return delay
  return jitter === 'full' ? random() * delay : delay / 2 + (random() * delay) / 2
}

/** The backoff of one call. It starts again when failures to read follow answers without a list, or the other way round. */
export class Backoff {
  readonly #options: BackoffOptions
  readonly #clock: Clock
  #answered: boolean | undefined
  #failures = 0

  constructor(options: BackoffOptions, clock: Clock) {
    this.#options = options
    this.#clock = clock
  }

  reset(): void {
    this.#failures = 0
  }

  /** Returns the delay in milliseconds after this failure. */
  next({ reason }: Failure): number {
    const answered = reason === 'not-set' || reason === 'incomplete'
    if (answered !== this.#answered) this.#failures = 0
    this.#answered = answered
    return backoffDelay(this.#failures++, this.#options, () => this.#clock.random())
  }
}
