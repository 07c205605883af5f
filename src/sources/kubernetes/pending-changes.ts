import { orAborted } from '../../util/abort.ts'
import type { Snapshot } from '../source.ts'

/** More changes than these are not kept: each is a whole list, and the latest counts. */
const maxPending = 100

/** The changes of a watch that nobody has drained yet, and those who wait for one. */
export class PendingChanges {
  /** One for each wait: a promise that lives as long as the watch would collect reactions for as long. */
  readonly #waiters = new Set<PromiseWithResolvers<void>>()
  #pending: Snapshot[] = []
  /** Whether there is a change to drain. A bookmark changes no list, and wakes nobody. */
  #hasChange = false

  get hasChange(): boolean {
    return this.#hasChange
  }

  /** Adds a change, and wakes all waiters. */
  add(snapshot: Snapshot): void {
    this.#push(snapshot)
    this.#hasChange = true
    this.wake()
  }

  /** Adds the same list at a newer version of the store. */
  addBookmark(snapshot: Snapshot): void {
    if (this.#pending.at(-1)?.modRevision === snapshot.modRevision) this.#pending.pop()
    this.#push(snapshot)
  }

  drain(): readonly Snapshot[] {
    this.#hasChange = false
    return this.#pending.splice(0)
  }

  /** Resolves at the next change, or when the waiters are woken for another reason. */
  async next(signal: AbortSignal): Promise<void> {
    const waiter = Promise.withResolvers<void>()
    this.#waiters.add(waiter)
    try {
      await orAborted(waiter.promise, signal)
    } finally {
      this.#waiters.delete(waiter)
    }
  }

  wake(): void {
    for (const waiter of this.#waiters) waiter.resolve()
  }

  /** Drops the changes, because only a new read counts from now on. */
  fail(error: Error): void {
    this.#pending = []
    for (const waiter of this.#waiters) waiter.reject(error)
  }

  #push(snapshot: Snapshot): void {
    this.#pending.push(snapshot)
    if (this.#pending.length > maxPending) this.#pending.shift()
  }
}
