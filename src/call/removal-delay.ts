import { difference } from '../addresses/list.ts'

/** The list to publish, and its difference from the list published before. */
export interface Change {
  readonly addresses: readonly string[]
  readonly revision: bigint
  readonly added: readonly string[]
  readonly removed: readonly string[]
}

/**
 * Delays removals: a new address counts at once, and an address counts as removed only after it has been missing for
 * `shrinkDelayMs`. While an RKE2 server joins, its address is added, removed and added again within seconds.
 */
export class RemovalDelay {
  readonly #shrinkDelayMs: number
  /** The time at which each address was first missing. */
  readonly #missingSince = new Map<string, number>()
  #stored: readonly string[]
  #published: readonly string[]
  #revision: bigint

  constructor(addresses: readonly string[], revision: bigint, shrinkDelayMs: number) {
    this.#stored = addresses
    this.#published = addresses
    this.#revision = revision
    this.#shrinkDelayMs = shrinkDelayMs
  }

  /** The addresses that were published last. */
  get addresses(): readonly string[] {
    return this.#published
  }

  /** The revision of the list that was stored last. */
  get revision(): bigint {
    return this.#revision
  }

  /** The addresses that are published and no longer stored. */
  get pendingRemovals(): readonly string[] {
    return [...this.#missingSince.keys()].toSorted()
  }

  /** The time of the next removal; `Infinity` if there is none. */
  get dueAt(): number {
    return Math.min(...this.#missingSince.values()) + this.#shrinkDelayMs
  }

  /** Takes a list, which is never empty, that was stored at the time `now`. Returns what changes at once. */
  store(addresses: readonly string[], revision: bigint, now: number): Change | undefined {
    this.#stored = addresses
    this.#revision = revision
    const stored = new Set(addresses)
    for (const address of this.#missingSince.keys()) if (stored.has(address)) this.#missingSince.delete(address)
    for (const address of this.#published) {
      if (!stored.has(address) && !this.#missingSince.has(address)) this.#missingSince.set(address, now)
    }
    return this.update(now)
  }

  /** Returns what changes at the time `now` without a new list. */
  update(now: number): Change | undefined {
    for (const [address, since] of this.#missingSince) {
      if (now - since >= this.#shrinkDelayMs) this.#missingSince.delete(address)
    }
    const addresses = [...new Set([...this.#stored, ...this.#missingSince.keys()])].toSorted()
    const change = { addresses, revision: this.#revision, ...difference(this.#published, addresses) }
    if (change.added.length === 0 && change.removed.length === 0) return undefined
    this.#published = addresses
    return change
  }
}
