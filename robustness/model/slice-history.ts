import { History } from './history.ts'
import type { KeyState } from './history.ts'

/** A state of the list that all EndpointSlices are together. */
export interface SliceState extends KeyState {
  /** The newest `resourceVersion` of the slices; 0 if there are none. */
  readonly newest: number
}

/**
 * The states of the list in Kubernetes. Here the list has no revision of its own. A client takes the newest version of the
 * slices; after a slice was deleted, that is older than the deletion. A client that has seen a newer revision before
 * reports one that does not fall: the version of the store, or the revision at which it saw the same list.
 */
export class SliceHistory extends History {
  readonly #newest = new Map<KeyState, number>()

  override add(state: SliceState): void {
    super.add(state)
    this.#newest.set(state, state.newest)
  }

  override hasRevision(index: number, revision: number): boolean {
    return (
      this.#hasOwnRevision(index, revision) ||
      // The list of before a deletion, which is the same as the one after it.
      (this.#isDeletion(index) &&
        this.states.some(
          (each, earlier) =>
            earlier < index &&
            each.addresses.join() === this.states[index]!.addresses.join() &&
            this.#hasOwnRevision(earlier, revision),
        ))
    )
  }

  #hasOwnRevision(index: number, revision: number): boolean {
    const state = this.states[index]
    if (state === undefined) return false
    if (revision === state.revision || revision === this.#newest.get(state)) return true
    const isCurrentAt = revision > state.revision && revision < (this.states[index + 1]?.revision ?? Infinity)
    return this.#isDeletion(index) && isCurrentAt
  }

  /** Whether the slices have an older version than the state: one was deleted, or there is none. */
  #isDeletion(index: number): boolean {
    const state = this.states[index]!
    return (this.#newest.get(state) ?? 0) < state.revision || state.revision === 0
  }
}
