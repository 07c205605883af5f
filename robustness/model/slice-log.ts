import type { SliceState } from './slice-history.ts'
import { addressesOf } from './slices.ts'
import type { SliceEndpoint, SliceWrite } from './slices.ts'

interface SentWrite {
  readonly id: number
  readonly write: SliceWrite
  /** The version that a deletion is for. */
  readonly version: number | undefined
  readonly sentAt: number
  completedAt: number | undefined
}

interface StoredSlice {
  readonly version: number
  readonly endpoints: readonly SliceEndpoint[]
}

/** A write of a slice, from etcd's history. */
export interface SliceEvent {
  /** The name of the slice. */
  readonly key: string
  readonly revision: number
  readonly isDeleted: boolean
  readonly value: Buffer
}

/** The writes that are not in the history yet, and the slices as they are at its end. */
export class SliceLog {
  readonly #sent = new Map<number, SentWrite>()
  readonly #slices = new Map<string, StoredSlice>()
  #count = 0

  /** Adds a write that is sent now. Returns its number, which is stored with the slice. */
  add(write: SliceWrite): number {
    const id = ++this.#count
    const version = write.type === 'delete' ? this.versionOf(write.name) : undefined
    this.#sent.set(id, { id, write, version, sentAt: performance.now(), completedAt: undefined })
    return id
  }

  /** Notes that a write was acknowledged now. A write without an answer may take effect now or later. */
  complete(id: number): void {
    const sent = this.#sent.get(id)
    if (sent !== undefined) sent.completedAt = performance.now()
  }

  /** Returns the version of a slice at the end of the history. */
  versionOf(name: string): number | undefined {
    return this.#slices.get(name)?.version
  }

  /** Applies a write that has taken effect. Returns the state after it; `undefined` if it does not concern the list. */
  apply(event: SliceEvent): SliceState | undefined {
    const { key, revision, isDeleted } = event
    const { id, write, sentAt, completedAt = performance.now() } = this.#findWrite(event)
    this.#sent.delete(id)
    if (write.type === 'unrelated') return undefined
    if (isDeleted) this.#slices.delete(key)
    else if (write.type === 'put') this.#slices.set(key, { version: revision, endpoints: write.endpoints })
    const slices = [...this.#slices.values()]
    const addresses = addressesOf(slices.map(({ endpoints }) => endpoints))
    return {
      kind: addresses.length > 0 ? 'list' : 'not-set',
      // A list without an address has no text: a client may report any revision for it.
      text: addresses.length > 0 ? JSON.stringify(addresses) : '',
      addresses,
      epoch: 0,
      revision,
      newest: Math.max(0, ...slices.map(({ version }) => version)),
      sentAt,
      completedAt,
    }
  }

  #findWrite({ key, revision, isDeleted, value }: SliceEvent): SentWrite {
    const [, id] = /write-(\d+);/.exec(value.toString('latin1')) ?? []
    const found = isDeleted
      ? [...this.#sent.values()].find(
          ({ write, version }) => write.type === 'delete' && write.name === key && version === this.versionOf(key),
        )
      : this.#sent.get(Number(id))
    if (found === undefined) throw new Error(`no write of this campaign explains revision ${revision} of ${key}`)
    return found
  }
}
