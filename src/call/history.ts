import type { Snapshot } from '../sources/source.ts'

const nothing: Snapshot = { value: undefined, modRevision: 0n, createRevision: 0n, version: 0n, revision: 0n }

/** The newest state that was seen in the history of a store, to notice that a backup was restored. */
export class StoreHistory {
  #revision: bigint
  #newest: Snapshot

  constructor(first: Snapshot) {
    this.#revision = first.revision
    this.#newest = first
  }

  /** The newest revision of the store. */
  get revision(): bigint {
    return this.#revision
  }

  /** Returns whether a read cannot be of this history: revisions only rise, and each revision is one state. */
  isReplacedBy(snapshot: Snapshot): boolean {
    if (snapshot.revision < this.#revision) return true
    const difference = listRevision(snapshot) - listRevision(this.#newest)
    return difference < 0n || (difference === 0n && !isSameValue(snapshot.value, this.#newest.value))
  }

  /** Returns whether there may be lists between the newest one that was seen and this snapshot. */
  isBehind(snapshot: Snapshot): boolean {
    if (listRevision(snapshot) <= listRevision(this.#newest)) return false
    // While there is no list, its revision is that of the store, which rises with every write of another key.
    return snapshot.value !== undefined || this.#newest.value !== undefined
  }

  /** Starts a new history, in which every revision is new. */
  restart(): void {
    this.#revision = 0n
    this.#newest = nothing
  }

  /** Adds a snapshot, and returns the revision of its value; `undefined` if a newer one was seen before. */
  advance(snapshot: Snapshot): bigint | undefined {
    if (snapshot.revision > this.#revision) this.#revision = snapshot.revision
    const revision = listRevision(snapshot)
    // The watch may deliver changes that are older than the last read.
    if (revision < listRevision(this.#newest)) return undefined
    this.#newest = snapshot
    return revision
  }
}

/** Returns the revision of the value. For a key that does not exist, this is the revision of the store. */
export const listRevision = ({ modRevision, revision }: Snapshot): bigint =>
  modRevision === 0n ? revision : modRevision

const isSameValue = (a: Uint8Array | undefined, b: Uint8Array | undefined): boolean =>
  a === undefined || b === undefined ? a === b : Buffer.compare(a, b) === 0
