import { withTimeout } from '../util/abort.ts'
import type { Clock } from '../util/clock.ts'
import { SharedOperations } from '../util/shared-operations.ts'
import type { SourceOptions } from './options.ts'
import { chooseSetup } from './setup.ts'
import type { Exists, Setup } from './setup.ts'

/** One look at the files has this time. Most file systems answer within a millisecond. */
const longestLookMs = 1000

const gaveUp = new Error('the file system does not answer in time')

/** Looks at the files of this node, which decide where to read the list, without waiting for a file system for long. */
export class SetupLook {
  readonly #options: SourceOptions
  readonly #clock: Clock
  readonly #choices: SharedOperations<Setup>
  /** The choice that was made after the last look gave up. */
  #late: Setup | undefined
  #isWaiting = false

  constructor(options: SourceOptions, clock: Clock, exists: Exists) {
    this.#options = options
    this.#clock = clock
    this.#choices = new SharedOperations(() => this.#choose((path) => exists(path).catch(() => false)))
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
    const late = this.#late
    this.#late = undefined
    if (late !== undefined) return late
    this.#isWaiting = true
    const timeMs = Math.min(longestLookMs, this.#options.attemptTimeoutMs ?? longestLookMs)
    try {
      return await withTimeout(
        this.#clock,
        timeMs,
        () => gaveUp,
        signal,
        (controller) => this.#choices.run('setup', controller.signal),
      )
    } catch (error) {
      if (error !== gaveUp) throw error
      return undefined
    } finally {
      this.#isWaiting = false
    }
  }

  async #choose(exists: Exists): Promise<Setup> {
    const setup = await chooseSetup(this.#options, exists)
    if (!this.#isWaiting) this.#late = setup
    return setup
  }
}
