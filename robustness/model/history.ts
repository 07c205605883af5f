import { absent } from './key-value.ts'
import type { KeyValue } from './key-value.ts'

/** A state of the key. The write that created it took effect at some moment from `sentAt` to `completedAt`. */
export interface KeyState extends KeyValue {
  /** Counts the histories of the store: a restored snapshot starts a new one. */
  readonly epoch: number
  /** The revision that wrote this state: the key's `mod_revision`, or for a deleted key the revision of the deletion. */
  readonly revision: number
  readonly sentAt: number
  readonly completedAt: number
}

/** All states of the key in their order, across all histories of the store. */
export class History {
  readonly states: KeyState[] = [{ ...absent, epoch: 0, revision: 0, sentAt: -Infinity, completedAt: -Infinity }]

  get last(): KeyState {
    return this.states.at(-1)!
  }

  /** Returns whether a client may report the state with this revision. */
  hasRevision(index: number, revision: number): boolean {
    return this.states[index]?.revision === revision
  }

  add(state: KeyState): void {
    this.states.push(state)
  }

  /** Returns whether the state may have been the current one at some moment from `start` to `end`. */
  mayBeCurrent(index: number, start: number, end: number): boolean {
    const state = this.states[index]
    return state !== undefined && state.sentAt <= end && (this.states[index + 1]?.completedAt ?? Infinity) >= start
  }

  /** Returns the states that may have been the current one at some moment from `start` to `end`. */
  possibleStates(start: number, end: number): KeyState[] {
    return this.states.filter((_state, index) => this.mayBeCurrent(index, start, end))
  }

  /**
   * Returns the indices of the states with this revision that may have been the current one at some moment from `start`
   * to `end`. Each history of the store can have one.
   */
  indicesOf(revision: number, start: number, end: number): number[] {
    return this.states.flatMap((_state, index) =>
      this.hasRevision(index, revision) && this.mayBeCurrent(index, start, end) ? [index] : [],
    )
  }
}
