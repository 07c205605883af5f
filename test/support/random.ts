import { createHash } from 'node:crypto'

/** Chance that can be had again: mulberry32, from a seed. */
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

  /** A whole number from 0 up to, and without, `n`. */
  upTo(n: number): number {
    return Math.floor(this.random() * n)
  }

  /** From 0 up to, and without, 1. */
  random(): number {
    let t = (this.#state = (this.#state + 0x6d2b79f5) | 0)
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }

  chance(probability: number): boolean {
    return this.random() < probability
  }

  /** A whole number from `low` to `high`; small ones are as likely as large ones, each for its size. */
  size(low: number, high: number): number {
    return Math.round(low * (high / low) ** this.random())
  }

  bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.upTo(256)))
  }

  pick<T>(from: readonly T[]): T {
    return from[this.upTo(from.length)] as T
  }

  /** One of the keys, as often as its weight says. */
  weighted<K extends string>(weights: Readonly<Record<K, number>>): K {
    const entries = Object.entries(weights) as [K, number][]
    let left = this.random() * entries.reduce((sum, [, weight]) => sum + weight, 0)
    return (entries.find(([, weight]) => (left -= weight) < 0) ?? entries[0]!)[0]
  }

  /** All of them, in any order. */
  shuffle<T>(from: readonly T[]): T[] {
    return from
      .map((each) => ({ each, rank: this.random() }))
      .toSorted((a, b) => a.rank - b.rank)
      .map(({ each }) => each)
  }
}
