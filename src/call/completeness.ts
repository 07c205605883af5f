import type { ProbedAddress } from '../addresses/list.ts'
import type { Snapshot } from '../sources/source.ts'

/** What a list needs to be complete. */
export interface Requirements {
  readonly minAddresses: number
  /** Hosts or addresses, normalised, that must all be in the list. */
  readonly expect: readonly string[]
  readonly settleMs: number
}

/** Why a list is not complete. */
export interface Shortfall {
  readonly message: string
  /** The expected addresses that are not in the list, or dead. */
  readonly missing: readonly string[]
  /** Milliseconds until the list has settled if nothing changes; `undefined` if waiting alone does not help. */
  readonly settlesInMs: number | undefined
}

/** Decides when a list is complete: it is long enough, has everything that is expected, and has settled. */
export class Completeness {
  readonly #required: Requirements
  #settling: { readonly set: string; readonly snapshot: Snapshot; readonly since: number } | undefined

  constructor(required: Requirements) {
    this.#required = required
  }

  /** Returns the shortfall of a list that was in `snapshot` at the time `now`; `undefined` if it is complete. */
  check(addresses: readonly string[], snapshot: Snapshot, now: number): Shortfall | undefined {
    const { settleMs } = this.#required
    const since = this.#unchangedSince(addresses.join(), snapshot, now)
    const shortfall = this.#shortfall(addresses, '', addresses)
    const settlesInMs = settleMs - (now - since)
    if (shortfall !== undefined || settlesInMs <= 0) return shortfall
    const message = `the list is complete and must stay the same for ${settleMs / 1000} s: ${firstFew(addresses)}`
    return { message, missing: [], settlesInMs }
  }

  /** Returns the shortfall of a complete list if only its living addresses count; `undefined` if these are enough. */
  checkAlive(probes: readonly ProbedAddress[]): Shortfall | undefined {
    const alive = probes.filter(({ state }) => state === 'alive').map(({ address }) => address)
    const dead = probes.filter(({ state }) => state === 'dead')
    const causes = dead.map(({ address, cause }) => `${address} is dead (${cause})`)
    return this.#shortfall(alive, ' alive', causes)
  }

  /** Starts the time to settle again, because the list was gone for a while. */
  reset(): void {
    this.#settling = undefined
  }

  #shortfall(addresses: readonly string[], suffix: string, details: readonly string[]): Shortfall | undefined {
    const { minAddresses, expect } = this.#required
    const missing = expect.filter((expected) => !addresses.some((address) => matches(address, expected)))
    const problems: string[] = []
    if (addresses.length < minAddresses) problems.push(`has ${addresses.length} of at least ${minAddresses} addresses`)
    if (missing.length > 0) problems.push(`lacks ${firstFew(missing)}`)
    if (problems.length === 0) return undefined
    const message = `the list ${problems.map((problem) => problem + suffix).join(' and ')}: ${firstFew(details)}`
    return { message, missing, settlesInMs: undefined }
  }

  #unchangedSince(set: string, snapshot: Snapshot, now: number): number {
    const last = this.#settling
    const since = last?.set === set && isUnchanged(last.snapshot, snapshot) ? last.since : now
    this.#settling = { set, snapshot, since }
    return since
  }
}

/** One write between two equal lists has written the same again. If there were more, one may have been different. */
function isUnchanged(before: Snapshot, after: Snapshot): boolean {
  const writes = after.version - before.version
  const sameHistory = after.revision >= before.revision && after.createRevision === before.createRevision
  return sameHistory && (writes === 0n || writes === 1n)
}

const matches = (address: string, expected: string) =>
  address === expected || address.slice(0, address.lastIndexOf(':')) === expected

function firstFew(all: readonly string[]): string {
  const shown = all.slice(0, 9).join(', ')
  return all.length > 9 ? `${shown} and ${all.length - 9} more` : shown
}
