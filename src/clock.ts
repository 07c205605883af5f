import { setTimeout } from 'node:timers/promises'

/** Time and chance, as arguments, so that tests can own both. */
export interface Clock {
  /** Milliseconds that never go back: not the wall clock. */
  now(): number
  /** Resolves after `ms`; rejects with `signal.reason` at once when it is aborted. */
  sleep(ms: number, signal: AbortSignal): Promise<void>
  /** From 0 up to, and without, 1. */
  random(): number
}

/** Above this, Node's timers fire at once, and a backoff becomes a hot loop. */
export const maxTimerMs: number = 2 ** 31 - 1

export const systemClock: Clock = {
  now: () => performance.now(),
  random: Math.random,
  async sleep(ms, signal) {
    signal.throwIfAborted()
    try {
      let left = ms
      for (; left > maxTimerMs; left -= maxTimerMs) await setTimeout(maxTimerMs, undefined, { signal })
      await setTimeout(left, undefined, { signal })
    } catch (error) {
      signal.throwIfAborted()
      throw error
    }
  },
}
