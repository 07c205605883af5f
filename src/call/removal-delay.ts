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
  /** The addresses that are published and no longer stored, with the time at which the removal of each is due. */
  readonly #removals = new Map<string, number>()
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

  /** The time of the next removal; `Infinity` if there is none. */
  get dueAt(): number {
    return Math.min(...this.#removals.values())
  }

  /** Returns the addresses whose removal is not due yet at the time `now`, and the time until the first of them is due. */
  pendingRemovals(now: number): { readonly addresses: readonly string[]; readonly untilMs: number } {
    const pending = [...this.#removals].filter(([, dueAt]) => dueAt > now)
    const addresses = pending.map(([address]) => address).toSorted()
    return { addresses, untilMs: Math.min(...pending.map(([, dueAt]) => dueAt)) - now }
  }

  /**
   * Takes a list, which is never empty, that was stored at the time `now`. Returns what changes at once: what is added
   * and, without a delay, what is removed.
   */
  store(addresses: readonly string[], revision: bigint, now: number): Change | undefined {
    this.#stored = addresses
    this.#revision = revision
    const stored = new Set(addresses)
    for (const address of this.#removals.keys()) if (stored.has(address)) this.#removals.delete(address)
    for (const address of this.#published) {
      if (!stored.has(address) && !this.#removals.has(address)) this.#removals.set(address, now + this.#shrinkDelayMs)
    }
    return this.#shrinkDelayMs === 0 ? this.removeDue(now) : this.#update()
  }

  /** Starts all removals again at the time `now`, because the addresses may have been back. */
  restart(now: number): void {
    for (const address of this.#removals.keys()) this.#removals.set(address, now + this.#shrinkDelayMs)
  }

  /** Removes the addresses whose removal was due at the time `now`, and returns what changes. */
  removeDue(now: number): Change | undefined {
    for (const [address, dueAt] of this.#removals) if (dueAt <= now) this.#removals.delete(address)
    return this.#update()
  }

  #update(): Change | undefined {
    const addresses = [...new Set([...this.#stored, ...this.#removals.keys()])].toSorted()
    const change = { addresses, revision: this.#revision, ...difference(this.#published, addresses) }
    if (change.added.length === 0 && change.removed.length === 0) return undefined
    this.#published = addresses
    return change
  }
}
