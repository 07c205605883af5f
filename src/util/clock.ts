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
  // By hand: the one of node:timers/promises makes an error with a stack trace for every sleep that is not slept out.
  sleep(ms, signal) {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason)
      let timer: NodeJS.Timeout
      const abort = () => {
        clearTimeout(timer)
        reject(signal.reason)
      }
      const wait = (left: number) => {
        timer = setTimeout(() => (left > maxTimerMs ? wait(left - maxTimerMs) : wake()), Math.min(left, maxTimerMs))
      }
      const wake = () => {
        signal.removeEventListener('abort', abort)
        resolve()
      }
      signal.addEventListener('abort', abort, { once: true })
      wait(ms)
    })
  },
}
