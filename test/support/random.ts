import { createHash } from 'node:crypto'

/** Random numbers that depend only on the seed (mulberry32). */
export class SeededRandom {
  readonly #seed: number | string
  #state: number

  constructor(seed: number | string) {
    this.#seed = seed
    this.#state = typeof seed === 'number' ? seed : createHash('sha256').update(seed).digest().readUInt32LE()
  }

  /** Returns a generator whose numbers depend on the seed and the name, and not on the numbers drawn here before. */
  fork(name: string): SeededRandom {
    return new SeededRandom(`${this.#seed}/${name}`)
  }

  /** Returns a whole number from 0 to `n` - 1. */
  upTo(n: number): number {
    return Math.floor(this.random() * n)
  }

  /** Returns a number of at least 0 and less than 1. */
  random(): number {
    let t = (this.#state = (this.#state + 0x6d2b79f5) | 0)
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }

  chance(probability: number): boolean {
    return this.random() < probability
  }

  /** Returns a whole number from `low` to `high`. Each order of magnitude is equally likely. */
  size(low: number, high: number): number {
    return Math.round(low * (high / low) ** this.random())
  }

  bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.upTo(256)))
  }

  pick<T>(from: readonly T[]): T {
    return from[this.upTo(from.length)] as T
  }

  /** Returns one of the keys, with a probability in proportion to its weight. */
  weighted<K extends string>(weights: Readonly<Record<K, number>>): K {
    const entries = Object.entries(weights) as [K, number][]
    let left = this.random() * entries.reduce((sum, [, weight]) => sum + weight, 0)
    return (entries.find(([, weight]) => (left -= weight) < 0) ?? entries[0]!)[0]
  }

  /** Returns all elements in a random order. */
  shuffle<T>(from: readonly T[]): T[] {
    return from
      .map((each) => ({ each, rank: this.random() }))
      .toSorted((a, b) => a.rank - b.rank)
      .map(({ each }) => each)
  }
}
