import { median } from './stats.ts'

/** The medians of the first and the last third of some samples, and the last divided by the first. */
export interface Thirds {
  readonly first: number
  readonly last: number
  readonly ratio: number
}

/**
 * Compares the first with the last third of the samples, without the first tenth of them: a process grows until its code
 * is compiled and its caches are full. The medians keep one disturbed sample out of the comparison.
 */
export function compareThirds(samples: readonly number[]): Thirds {
  const steady = samples.slice(Math.ceil(samples.length / 10))
  const size = Math.max(1, Math.floor(steady.length / 3))
  const first = median(steady.slice(0, size))
  const last = median(steady.slice(-size))
  return { first, last, ratio: last / first }
}
