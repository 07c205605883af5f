import type { SliceState } from './slice-history.ts'
import { addressesOf } from './slices.ts'
import type { SliceEndpoint, SliceWrite } from './slices.ts'

interface SentWrite {
  readonly id: number
  readonly write: SliceWrite
  /** The version that a deletion is for. */
  readonly version: number | undefined
  readonly sentAt: number
  readonly completedAt?: number
}

interface StoredSlice {
  readonly version: number
  readonly endpoints: readonly SliceEndpoint[]
}

/** A write of a slice, from etcd's history. */
export interface SliceEvent {
  /** The name of the slice. */
  readonly name: string
  readonly revision: number
  readonly isDeleted: boolean
  /** The number of the write, which is stored with the slice. A deletion has none. */
  readonly id: number | undefined
}

/** When a write was sent and acknowledged. */
export interface WriteTimes {
  readonly sentAt: number
  readonly completedAt: number
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
    this.#sent.set(id, { id, write, version, sentAt: performance.now() })
    return id
  }

  /** Notes that a write was acknowledged. A write without an answer may take effect now or later. */
  complete(id: number, times: WriteTimes): void {
    const sent = this.#sent.get(id)
    if (sent !== undefined) this.#sent.set(id, { ...sent, ...times })
  }

  /** Returns the version of a slice at the end of the history. */
  versionOf(name: string): number | undefined {
    return this.#slices.get(name)?.version
  }

  /** Applies a write that has taken effect. Returns the state after it; `undefined` if it does not concern the list. */
  apply(event: SliceEvent): SliceState | undefined {
    const { name, revision, isDeleted } = event
    const { id, write, sentAt, completedAt = performance.now() } = this.#findWrite(event)
    this.#sent.delete(id)
    if (write.type === 'unrelated') return undefined
    if (isDeleted) this.#slices.delete(name)
    else if (write.type === 'put') this.#slices.set(name, { version: revision, endpoints: write.endpoints })
    const slices = [...this.#slices.values()]
    const addresses = addressesOf(slices.map(({ endpoints }) => endpoints))
    return {
      kind: addresses.length > 0 ? 'list' : 'not-set',
      text: JSON.stringify(addresses),
      addresses,
      epoch: 0,
      revision,
      newest: Math.max(0, ...slices.map(({ version }) => version)),
      sentAt,
      completedAt,
    }
  }

  #findWrite({ name, revision, isDeleted, id }: SliceEvent): SentWrite {
    const found = isDeleted
      ? [...this.#sent.values()].find(
          ({ write, version }) => write.type === 'delete' && write.name === name && version === this.versionOf(name),
        )
      : this.#sent.get(id ?? 0)
    if (found === undefined) throw new Error(`no write of this campaign explains revision ${revision} of ${name}`)
    return found
  }
}
