/** The list as it is now told, and how it differs from the one told before. */
export interface Change {
  readonly addresses: readonly string[]
  readonly revision: bigint
  readonly added: readonly string[]
  readonly removed: readonly string[]
}

/**
 * Turns the lists that are stored into the lists that are told. A joining apiserver adds, removes and adds itself again
 * within seconds: what is new counts at once, what is gone only after it has been gone for `shrinkDelayMs`.
 */
export class RemovalDelay {
  readonly #shrinkDelayMs: number
  readonly #goneSince = new Map<string, number>()
  #stored: readonly string[]
  #told: readonly string[]
  #revision: bigint

  constructor(addresses: readonly string[], revision: bigint, shrinkDelayMs: number) {
    this.#stored = addresses
    this.#told = addresses
    this.#revision = revision
    this.#shrinkDelayMs = shrinkDelayMs
  }

  get addresses(): readonly string[] {
    return this.#told
  }

  get revision(): bigint {
    return this.#revision
  }

  /** Told, though no longer stored. */
  get held(): readonly string[] {
    return [...this.#goneSince.keys()].toSorted()
  }

  /** When the next of them is to be removed, by the clock of `now`; `Infinity` if none is held. */
  get dueAt(): number {
    return Math.min(...this.#goneSince.values()) + this.#shrinkDelayMs
  }

  /** A list, never empty, was read at the time `now`. */
  store(addresses: readonly string[], revision: bigint, now: number): Change | undefined {
    this.#stored = addresses
    this.#revision = revision
    const stored = new Set(addresses)
    for (const address of this.#goneSince.keys()) if (stored.has(address)) this.#goneSince.delete(address)
    for (const address of this.#told) {
      if (!stored.has(address) && !this.#goneSince.has(address)) this.#goneSince.set(address, now)
    }
    return this.update(now)
  }

  /** What changes at the time `now`, without a new list. */
  update(now: number): Change | undefined {
    for (const [address, since] of this.#goneSince) {
      if (now - since >= this.#shrinkDelayMs) this.#goneSince.delete(address)
    }
    const before = this.#told
    const addresses = [...new Set([...this.#stored, ...this.#goneSince.keys()])].toSorted()
    const change = { addresses, revision: this.#revision, ...difference(before, addresses) }
    if (change.added.length === 0 && change.removed.length === 0) return undefined
    this.#told = addresses
    return change
  }
}

/** What leads from one list to another. */
export function difference(
  from: readonly string[],
  to: readonly string[],
): { readonly added: readonly string[]; readonly removed: readonly string[] } {
  const [before, after] = [new Set(from), new Set(to)]
  return {
    added: Object.freeze(to.filter((address) => !before.has(address))),
    removed: Object.freeze(from.filter((address) => !after.has(address))),
  }
}
