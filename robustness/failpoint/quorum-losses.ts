interface QuorumLoss {
  readonly member: number
  readonly from: number
  readonly to: number
}

/** The times during which a member certainly had no quorum. */
export class QuorumLosses {
  #losses: QuorumLoss[] = []

  /** Adds a loss that lasted from a moment until now. */
  add(member: number, from: number): void {
    this.#losses.push({ member, from, to: performance.now() })
  }

  /** Returns whether the member had no quorum during the whole time from `start` to `end`. */
  cover(member: number, start: number, end: number): boolean {
    return this.#losses.some((loss) => loss.member === member && loss.from <= start && loss.to >= end)
  }

  clear(): void {
    this.#losses = []
  }
}
