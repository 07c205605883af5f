/** The time and the randomness of a call. They are an argument, so that a test can control both. */
export interface Clock {
  /** Returns milliseconds of a monotonic clock: they do not change when the wall clock is set. */
  now(): number
  /**
   * Resolves after `ms` milliseconds.
   *
   * @throws `signal.reason` at once when the signal is aborted
   */
  sleep(ms: number, signal: AbortSignal): Promise<void>
  /** Returns a random number of at least 0 and less than 1. */
  random(): number
}

/**
 * The longest delay of a timer in Node, 2^31 - 1. A timer with a longer delay fires at once, and a backoff would be a busy
 * loop. The number is not calculated, because importing the package would then read V8's code for powers: 0.2 MB.
 */
export const maxTimerMs: number = 2_147_483_647

/** A timer that fires later than this has waited for an event loop that was blocked. */
const lateMs = 10

// Not `performance`: to load it takes half a megabyte, and a millisecond of every start.
const now = () => Number(process.hrtime.bigint()) / 1e6

export const systemClock: Clock = {
  now,
  random: Math.random,
  // Not node:timers/promises: it creates an error with a stack trace for every sleep that is aborted.
  sleep(ms, signal) {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason)
      let timer: NodeJS.Timeout
      let immediate: NodeJS.Immediate | undefined
      const dueAt = now() + ms
      const abort = () => {
        clearTimeout(timer)
        clearImmediate(immediate)
        reject(signal.reason)
      }
      const wait = (left: number) => {
        timer = setTimeout(() => (left > maxTimerMs ? wait(left - maxTimerMs) : end()), Math.min(left, maxTimerMs))
      }
      const end = () => {
        // After the process was stopped, Node runs late timers before it reads its sockets. Let it read these first.
        if (now() - dueAt > lateMs) immediate = setImmediate(wake)
        else wake()
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
