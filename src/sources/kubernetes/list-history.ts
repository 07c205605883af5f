import type { Snapshot } from '../source.ts'
import { identityOf, listValue } from './endpoint-slices.ts'
import type { EndpointSlice } from './endpoint-slices.ts'

/** The slices at one version of the store. */
export interface SliceList {
  readonly version: bigint
  readonly slices: ReadonlyMap<string, EndpointSlice>
}

/**
 * Makes snapshots of lists and events, with a revision that never falls within one history.
 *
 * The revision of a list is the newest version of its slices. That falls when a slice is deleted, so the revision that was
 * seen before counts then.
 */
export class ListHistory {
  /** The newest version of the store. */
  #version = 0n
  /** The newest revision of the list, and its value. */
  #revision = 0n
  #value = ''

  /** Returns the snapshot of a list that was read. */
  ofList({ version, slices }: SliceList): Snapshot {
    // A backup was restored: its versions are given out again.
    if (version < this.#version) this.#revision = 0n
    this.#version = version
    const newest = [...slices.values()].reduce((most, slice) => max(most, slice.resourceVersion), 0n)
    const value = textOf(listValue(slices.values()))
    let revision = max(newest, this.#revision)
    if (revision === this.#revision && revision !== newest && value !== this.#value) revision = version
    return this.#snapshot({ version, slices }, revision)
  }

  /** Returns the snapshot after an event of a watch. */
  ofEvent(list: SliceList): Snapshot {
    this.#version = max(this.#version, list.version)
    return this.#snapshot(list, list.version)
  }

  /** Returns the snapshot after a bookmark: the list is the same, at a newer version of the store. */
  ofBookmark(list: SliceList, before: Snapshot): Snapshot {
    this.#version = max(this.#version, list.version)
    return { ...before, revision: list.version }
  }

  #snapshot({ version, slices }: SliceList, revision: bigint): Snapshot {
    const all = [...slices.values()]
    const value = listValue(all)
    if (revision >= this.#revision) {
      this.#revision = revision
      this.#value = textOf(value)
    }
    const generations = all.map(({ generation }) => generation)
    return {
      value,
      absence: absenceOf(all),
      modRevision: revision,
      createRevision: identityOf(all),
      // Without generations, no two lists are known to have no list between them.
      version: generations.includes(0n) ? revision : generations.reduce((sum, one) => sum + one, 0n),
      revision: version,
    }
  }
}

const absenceOf = (slices: readonly EndpointSlice[]): string =>
  slices.length === 0
    ? 'the Service default/kubernetes has no EndpointSlice yet'
    : 'the Service default/kubernetes has no endpoint that is ready'

const textOf = (value: Uint8Array | undefined): string => (value === undefined ? '' : Buffer.from(value).toString())

const max = (one: bigint, other: bigint): bigint => (one > other ? one : other)
