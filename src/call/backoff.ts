import { maxTimerMs } from '../util/clock.ts'

/** The backoff part of the `retry` option, defaults filled in. */
export interface BackoffOptions {
  readonly initialDelayMs: number
  readonly maxDelayMs: number
  readonly factor: number
  readonly jitter: 'equal' | 'full' | 'none'
}

/**
 * The delay after the nth failure in a row (n counts from 0), in milliseconds: exponential, then capped, and only then
 * jittered, so that clients which have reached the cap are still out of step.
 */
export function backoffDelay(n: number, options: BackoffOptions, random: () => number): number {
  const { initialDelayMs, maxDelayMs, factor, jitter } = options
  const delay = Math.min(initialDelayMs * factor ** n, maxDelayMs, maxTimerMs)
  if (jitter === 'none') return delay
  return jitter === 'full' ? random() * delay : delay / 2 + (random() * delay) / 2
}
