import { kubernetesService } from '../../rke2.ts'
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
 * The revision of a list is the newest version of its slices. After a slice was deleted, that version is older or the
 * same. So a list that has changed, and has no newer slice, gets the version of the store as its revision.
 */
export class ListHistory {
  #version = 0n
  /** The newest revision of the list, and its value. */
  #revision = 0n
  #value = ''

  /** The newest version of the store that was seen. */
  get version(): bigint {
    return this.#version
  }

  /**
   * Returns the snapshot of a list that was read. Events and bookmarks that have come during the read may be newer.
   *
   * @param before `version` when the read started: a consistent list of the same history is at least as new
   */
  ofList(list: SliceList, before: bigint): Snapshot {
    const { version } = list
    // A backup was restored: its versions are given out again.
    if (version < before) {
      this.#version = 0n
      this.#revision = 0n
      this.#value = ''
    }
    this.#version = max(this.#version, version)
    const slices = [...list.slices.values()]
    const value = listValue(slices)
    const newest = slices.reduce((most, { resourceVersion }) => max(most, resourceVersion), 0n)
    if (newest > this.#revision) return this.#snapshot(slices, value, newest, version)
    const isUnchanged = this.#revision <= version && textOf(value) === this.#value
    return this.#snapshot(slices, value, isUnchanged ? this.#revision : version, version)
  }

  /** Returns the snapshot after an event of a watch. */
  ofEvent({ version, slices }: SliceList): Snapshot {
    this.#version = max(this.#version, version)
    const all = [...slices.values()]
    return this.#snapshot(all, listValue(all), version, version)
  }

  /** Returns the snapshot after a bookmark: the list is the same, at a newer version of the store. */
  ofBookmark(list: SliceList, before: Snapshot): Snapshot {
    this.#version = max(this.#version, list.version)
    return { ...before, revision: list.version }
  }

  #snapshot(
    slices: readonly EndpointSlice[],
    value: Uint8Array | undefined,
    modRevision: bigint,
    revision: bigint,
  ): Snapshot {
    if (modRevision >= this.#revision) {
      this.#revision = modRevision
      this.#value = textOf(value)
    }
    const generations = slices.map(({ generation }) => generation)
    return {
      value,
      absence: absenceOf(slices),
      modRevision,
      createRevision: identityOf(slices),
      // Without generations, no two lists are known to have no list between them.
      version: generations.includes(0n) ? modRevision : generations.reduce((sum, one) => sum + one, 0n),
      revision,
    }
  }
}

const absenceOf = (slices: readonly EndpointSlice[]): string =>
  slices.length === 0
    ? `the Service ${kubernetesService} has no EndpointSlice yet`
    : `the Service ${kubernetesService} has no endpoint that is ready`

const textOf = (value: Uint8Array | undefined): string => (value === undefined ? '' : Buffer.from(value).toString())

const max = (one: bigint, other: bigint): bigint => (one > other ? one : other)
