import type { Reason } from '../errors.ts'
import type { Failure } from '../sources/failure.ts'
import type { Source } from '../sources/source.ts'
import { withLinkedAbort } from '../util/abort.ts'
import type { Clock } from '../util/clock.ts'
import { printable } from '../util/text.ts'

/** A phase waits this long for its hint. Without an answer of the file system, the last hint is used. */
const longestLookupMs = 200

/** Finds the cause of a failure and what to do. It never changes how a call ends. */
export class HintFinder {
  readonly #source: Pick<Source, 'hint'>
  readonly #clock: Clock
  /** Whether a look-up has not ended. It is waited for only once. */
  #isLooking = false
  #last: { readonly reason: Reason; readonly hint: string } | undefined

  constructor(source: Pick<Source, 'hint'>, clock: Clock) {
    this.#source = source
    this.#clock = clock
  }

  /**
   * Returns the hint for a failure that has lasted for `waitedMs`; `undefined` if there is none.
   *
   * @throws `signal.reason` when the signal is aborted
   */
  async of(failure: Failure, waitedMs: number, signal: AbortSignal): Promise<string | undefined> {
    if (failure.hint !== undefined) return failure.hint
    if (!this.#isLooking) {
      const found = this.#source.hint(failure, waitedMs)
      if (found === undefined) return undefined
      await this.#await(this.#note(found, failure.reason), signal)
    }
    return this.#last?.reason === failure.reason ? this.#last.hint : undefined
  }

  async #await(lookup: Promise<void>, signal: AbortSignal): Promise<void> {
    await withLinkedAbort(signal, (wait) => Promise.race([lookup, this.#clock.sleep(longestLookupMs, wait.signal)]))
  }

  async #note(found: Promise<string | undefined>, reason: Reason): Promise<void> {
    this.#isLooking = true
    // Without permission to look, there is no hint.
    const hint = await found.catch(() => undefined)
    this.#last = hint === undefined ? undefined : { reason, hint: printable(hint) }
    this.#isLooking = false
  }
}
