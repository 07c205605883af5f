import type { ProbedAddress } from '../addresses/addresses.ts'
import type { Snapshot } from '../sources/etcd/watch-stream.ts'

export interface Requirements {
  readonly minAddresses: number
  /** Normalised `host` or `host:port`. */
  readonly expect: readonly string[]
  readonly settleMs: number
}

/** What a list still lacks. */
export interface Shortfall {
  readonly message: string
  /** Expected and not there, or dead. */
  readonly missing: readonly string[]
  /** Milliseconds until it has settled, if nothing changes; `undefined` where waiting alone does not help. */
  readonly settlesInMs: number | undefined
}

/** Decides when a list is complete: large enough, with everything expected in it, and unchanged for long enough. */
export class Completeness {
  readonly #required: Requirements
  #settling: { readonly set: string; readonly reading: Snapshot; readonly since: number } | undefined

  constructor(required: Requirements) {
    this.#required = required
  }

  /** What `addresses`, as found in `reading` at the time `now`, still lacks; `undefined` if it is complete. */
  check(addresses: readonly string[], reading: Snapshot, now: number): Shortfall | undefined {
    const { settleMs } = this.#required
    const since = this.#unchangedSince(addresses.join(), reading, now)
    const short = this.#shortOf(addresses, '', addresses)
    const settlesInMs = settleMs - (now - since)
    if (short !== undefined || settlesInMs <= 0) return short
    const message = `the list is complete and must stay the same for ${settleMs / 1000} s: ${few(addresses)}`
    return { message, missing: [], settlesInMs }
  }

  /** What a list that is complete still lacks, as long as some of it is dead; `undefined` if enough is alive. */
  checkAlive(probes: readonly ProbedAddress[]): Shortfall | undefined {
    const alive = probes.filter(({ state }) => state === 'alive').map(({ address }) => address)
    const dead = probes.filter(({ state }) => state === 'dead')
    const causes = dead.map(({ address, cause }) => `${address} is dead (${cause})`)
    return this.#shortOf(alive, ' alive', causes)
  }

  /** There was no list: whatever comes next is new. */
  reset(): void {
    this.#settling = undefined
  }

  /** What of `minAddresses` and `expect` is not among these; the message ends with the details. */
  #shortOf(addresses: readonly string[], suffix: string, details: readonly string[]): Shortfall | undefined {
    const { minAddresses, expect } = this.#required
    const missing = expect.filter((wanted) => !addresses.some((address) => matches(address, wanted)))
    const problems: string[] = []
    if (addresses.length < minAddresses) problems.push(`has ${addresses.length} of at least ${minAddresses} addresses`)
    if (missing.length > 0) problems.push(`lacks ${few(missing)}`)
    if (problems.length === 0) return undefined
    const message = `the list ${problems.map((problem) => problem + suffix).join(' and ')}: ${few(details)}`
    return { message, missing, settlesInMs: undefined }
  }

  #unchangedSince(set: string, reading: Snapshot, now: number): number {
    const last = this.#settling
    const since = last?.set === set && unchanged(last.reading, reading) ? last.since : now
    this.#settling = { set, reading, since }
    return since
  }
}

/** One write in between has written the same again. Of several, one may have been different: that is a change. */
function unchanged(before: Snapshot, after: Snapshot): boolean {
  const writes = after.version - before.version
  const sameHistory = after.revision >= before.revision && after.createRevision === before.createRevision
  return sameHistory && (writes === 0n || writes === 1n)
}

const matches = (address: string, wanted: string) =>
  address === wanted || address.slice(0, address.lastIndexOf(':')) === wanted

/** The first few of a list, for messages. */
function few(all: readonly string[]): string {
  const shown = all.slice(0, 9).join(', ')
  return all.length > 9 ? `${shown} and ${all.length - 9} more` : shown
}
