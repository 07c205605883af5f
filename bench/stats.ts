import { SeededRandom } from '../test/support/random.ts'

/** Returns the value that this share of the samples does not exceed, interpolated between the two nearest samples. */
export function quantile(samples: readonly number[], share: number): number {
  const sorted = samples.toSorted((a, b) => a - b)
  const position = (sorted.length - 1) * share
  const below = sorted[Math.floor(position)] ?? NaN
  const above = sorted[Math.ceil(position)] ?? NaN
  return below + (above - below) * (position - Math.floor(position))
}

export const median = (samples: readonly number[]): number => quantile(samples, 0.5)

const random = new SeededRandom(crypto.randomUUID())

/** Returns the items in a random order, which is different in every run. */
export const shuffled = <T>(items: readonly T[]): T[] => random.shuffle(items)
