import { Failure } from '../failure.ts'

/** A watch that ends earlier than this was refused in some way. More of them in a row are paused by the backoff. */
const shortMs = 5000
const maxShortWatches = 2

/** What the watches of one source know of each other: how many in a row have ended at once. */
export class WatchPace {
  #shortWatches = 0

  /** Notes how long a watch has lived, whatever has ended it. */
  noteLife(ms: number): void {
    if (ms >= shortMs) this.#shortWatches = 0
  }

  /**
   * Notes that the apiserver has ended a watch, which is no fault.
   *
   * @throws Failure when too many watches in a row have ended at once
   */
  noteEnd(lifeMs: number): void {
    this.noteLife(lifeMs)
    if (lifeMs < shortMs && ++this.#shortWatches > maxShortWatches) {
      throw new Failure('unavailable', 'the apiserver ends each watch at once')
    }
  }
}
