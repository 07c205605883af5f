interface Outage {
  readonly endpoint: number
  readonly from: number
  readonly to: number
}

/**
 * The times during which an endpoint certainly could not return a list: a member without a quorum, an apiserver that is
 * frozen, or one whose etcd is.
 */
export class Outages {
  #outages: Outage[] = []

  /** Adds an outage that lasted from a moment until now. */
  add(endpoint: number, from: number): void {
    this.#outages.push({ endpoint, from, to: performance.now() })
  }

  /** Returns whether the outage of the endpoint lasted for the whole time from `start` to `end`. */
  cover(endpoint: number, start: number, end: number): boolean {
    return this.#outages.some((each) => each.endpoint === endpoint && each.from <= start && each.to >= end)
  }

  clear(): void {
    this.#outages = []
  }
}
