import { withLinkedAbort } from '../util/abort.ts'
import type { Clock } from '../util/clock.ts'
import type { SourceOptions } from './options.ts'
import { chooseSetup } from './setup.ts'
import type { Exists, Setup } from './setup.ts'

/** One look at the files has this time. Most file systems answer within a millisecond. */
const longestLookMs = 1000

/** Looks at the files of this node, which decide where to read the list, without waiting for a file system for long. */
export class SetupLook {
  readonly #options: SourceOptions
  readonly #clock: Clock
  readonly #exists: Exists
  /** The choice that was still pending when the last look gave up. The next look waits for it. */
  #late: Promise<Setup> | undefined
  #isWaiting = false

  constructor(options: SourceOptions, clock: Clock, exists: Exists) {
    this.#options = options
    this.#clock = clock
    this.#exists = (path) => exists(path).catch(() => false)
  }

  /** Whether a look waits for the file system now. */
  get isWaiting(): boolean {
    return this.#isWaiting
  }

  /**
   * Resolves with the choice, or with `undefined` if the file system does not answer in time. The next look then waits for
   * the same answer, so that a slow file system is enough, and look-ups that never end do not add up.
   *
   * @throws `signal.reason` when the signal is aborted
   */
  async look(signal: AbortSignal): Promise<Setup | undefined> {
    const choice = this.#late ?? chooseSetup(this.#options, this.#exists)
    this.#late = undefined
    this.#isWaiting = true
    const timeMs = Math.min(longestLookMs, this.#options.attemptTimeoutMs ?? longestLookMs)
    try {
      const setup = await withLinkedAbort(signal, (controller) =>
        Promise.race([choice, this.#clock.sleep(timeMs, controller.signal).then(() => undefined)]),
      )
      if (setup === undefined) this.#late = choice
      return setup
    } finally {
      this.#isWaiting = false
    }
  }
}
