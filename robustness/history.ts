/** What a value of the key is worth: a list, nothing yet, or nonsense. */
export type Kind = 'list' | 'not-set' | 'invalid-value'

/** A value of the key, and what it says; a list is sorted, and without duplicates. */
export interface Value {
  readonly text: string
  readonly kind: Kind
  readonly addresses: readonly string[]
}

/** One state of the key. It became true at some moment from `since` to `by`. */
export interface State extends Value {
  /** Counts the histories of the store: a restored snapshot begins a new one. */
  readonly epoch: number
  /** The key's `mod_revision`, or where it was deleted the revision of that. */
  readonly revision: number
  readonly since: number
  readonly by: number
}

export const absent: Value = { text: '', kind: 'not-set', addresses: [] }

/** All states of the key in the order in which they were true, through all histories of the store. */
export class History {
  readonly states: State[] = [{ ...absent, epoch: 0, revision: 0, since: -Infinity, by: -Infinity }]

  get last(): State {
    return this.states.at(-1)!
  }

  add(state: State): void {
    this.states.push(state)
  }

  /** Whether the state was true, or may have been, at some moment from `start` to `end`. */
  overlaps(index: number, start: number, end: number): boolean {
    const state = this.states[index]
    return state !== undefined && state.since <= end && (this.states[index + 1]?.by ?? Infinity) >= start
  }

  /** The states that were true, or may have been, at some moment from `start` to `end`. */
  during(start: number, end: number): State[] {
    return this.states.filter((_state, index) => this.overlaps(index, start, end))
  }

  /** The states with this revision, one for each history, that were true, or may have been, from `start` to `end`. */
  find(revision: number, start: number, end: number): number[] {
    return this.states.flatMap((state, index) =>
      state.revision === revision && this.overlaps(index, start, end) ? [index] : [],
    )
  }
}
