import type { FaultKind } from '../random/faults.ts'

interface FaultTime {
  readonly kind: FaultKind
  readonly from: number
  to: number
}

/** When each fault was active. */
export class FaultTimes {
  #times: FaultTime[] = []

  /** Adds a fault that begins now. The returned function ends it. */
  begin(kind: FaultKind): () => void {
    const time = { kind, from: performance.now(), to: Infinity }
    this.#times.push(time)
    return () => (time.to = performance.now())
  }

  /** Returns whether a fault of one of these kinds was active at some moment from `start` to `end`. */
  wereActive(kinds: readonly FaultKind[] | 'any', start: number, end: number): boolean {
    return this.#times.some(
      ({ kind, from, to }) => (kinds === 'any' || kinds.includes(kind)) && from <= end && to >= start,
    )
  }

  /** Forgets the faults that ended before a moment. */
  forget(before: number): void {
    this.#times = this.#times.filter(({ to }) => to >= before)
  }
}
