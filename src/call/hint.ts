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
  /** The look-up that this call has not seen the end of. It is waited for only once. */
  #lookup: Promise<void> | undefined
  #last: string | undefined

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
    const found = this.#source.hint(failure, waitedMs)
    if (found === undefined) return undefined
    if (this.#lookup === undefined) await this.#await(found, signal)
    else found.catch(() => {})
    return this.#last
  }

  async #await(found: Promise<string | undefined>, signal: AbortSignal): Promise<void> {
    const lookup = (this.#lookup = this.#note(found))
    await withLinkedAbort(signal, (wait) => Promise.race([lookup, this.#clock.sleep(longestLookupMs, wait.signal)]))
  }

  async #note(found: Promise<string | undefined>): Promise<void> {
    // Without permission to look, there is no hint.
    const hint = await found.catch(() => undefined)
    this.#last = hint === undefined ? undefined : printable(hint)
    this.#lookup = undefined
  }
}
