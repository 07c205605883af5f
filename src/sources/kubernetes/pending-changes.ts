import { Waiters } from '../../util/waiters.ts'
import type { Snapshot } from '../source.ts'

/** At most this many changes are kept, because each is a whole list. */
const maxPending = 100

/** The changes of a watch that are not drained yet, and the waits for the next one. */
export class PendingChanges {
  readonly #waiters = new Waiters()
  #pending: Snapshot[] = []
  /** Whether there is a change to drain. A bookmark changes no list, and ends no wait. */
  #hasChange = false

  get hasChange(): boolean {
    return this.#hasChange
  }

  /**
   * Adds a change, and ends all waits.
   *
   * @returns `false` if there are too many changes. All are dropped then: a gap would hide that an address was back.
   */
  add(snapshot: Snapshot): boolean {
    this.#pending.push(snapshot)
    const fits = this.#pending.length <= maxPending
    if (!fits) this.#pending = []
    this.#hasChange = fits
    this.wake()
    return fits
  }

  /** Adds the same list at a newer version of the store. */
  addBookmark(snapshot: Snapshot): void {
    if (this.#pending.at(-1)?.modRevision === snapshot.modRevision) this.#pending.pop()
    this.#pending.push(snapshot)
  }

  drain(): readonly Snapshot[] {
    this.#hasChange = false
    return this.#pending.splice(0)
  }

  /** Resolves at the next change, or when the waits are ended for another reason. */
  next(signal: AbortSignal): Promise<void> {
    return this.#waiters.wait(signal)
  }

  wake(): void {
    this.#waiters.wake()
  }

  /** Drops the changes, because only a new read counts from now on. */
  fail(error: Error): void {
    this.#pending = []
    this.#waiters.fail(error)
  }
}
