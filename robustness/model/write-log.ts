import type { KeyState } from './history.ts'
import type { KeyValue } from './key-value.ts'

/** A value for the key, its deletion, or a write of another key. */
export type Write = KeyValue | 'delete' | 'other key'

export interface SentWrite {
  readonly write: Write
  readonly sentAt: number
}

export interface CompletedWrite extends SentWrite {
  /** The revision of the store after the write. */
  readonly revision: number
  readonly completedAt: number
}

/** The key as the store has it at some revision. */
export interface StoredKey {
  readonly text: string
  readonly modRevision: number
}

/** The writes that are not in the history yet: those that etcd acknowledged, and those whose outcome is unknown. */
export class WriteLog {
  readonly #completed = new Map<number, CompletedWrite>()
  #unknown: SentWrite[] = []

  addCompleted(write: CompletedWrite): void {
    this.#completed.set(write.revision, write)
  }

  /** Adds a write without an answer: it may have taken effect, or do so later. */
  addUnknown(write: SentWrite): void {
    this.#unknown.push(write)
  }

  takeCompleted(revision: number): CompletedWrite | undefined {
    const write = this.#completed.get(revision)
    this.#completed.delete(revision)
    return write
  }

  /**
   * Removes and returns the write of unknown outcome that created a revision of the store.
   *
   * @param stored the key at that revision, if it exists
   * @param previous the state of the key before that revision
   */
  takeUnknown(revision: number, stored: StoredKey | undefined, previous: KeyState): SentWrite {
    const index = this.#unknown.findIndex(({ write }) => {
      if (stored?.modRevision === revision) return typeof write === 'object' && write.text === stored.text
      return write === (stored === undefined && previous.kind !== 'not-set' ? 'delete' : 'other key')
    })
    const [write] = index < 0 ? [] : this.#unknown.splice(index, 1)
    if (write === undefined) {
      throw new Error(`no write of this campaign explains revision ${revision}: ${JSON.stringify(stored)}`)
    }
    return write
  }

  clear(): void {
    this.#completed.clear()
    this.#unknown = []
  }
}
