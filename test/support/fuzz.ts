/** `FUZZ_SEED=n` makes the same rounds again; a test names its seed in its title. */
export const fuzzSeed: number = Number(process.env['FUZZ_SEED'] ?? Math.floor(Math.random() * 2 ** 31))

/** What in a text would forge a line of a log or a terminal, or hide a part of it. */
export const forging: RegExp = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u

/** Chance that can be had again: mulberry32. */
export class Dice {
  #state: number

  constructor(seed: number) {
    this.#state = seed | 0
  }

  /** From 0 up to, and without, 1. */
  random(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }

  /** A whole number from 0 up to, and without, `end`. */
  below(end: number): number {
    return Math.floor(this.random() * end)
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)]!
  }

  bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.below(256)))
  }
}

/** The bytes with one thing wrong: a bit or a byte, something cut, doubled, repeated, put in or of another value. */
export function mutate(bytes: Buffer, dice: Dice, others: readonly Buffer[]): Buffer {
  const at = dice.below(bytes.length + 1)
  const to = at + dice.below(bytes.length - at + 1)
  const [before, part, after] = [bytes.subarray(0, at), bytes.subarray(at, to), bytes.subarray(to)]
  const other = dice.pick(others)
  switch (dice.below(8)) {
    case 0: {
      const flipped = Buffer.from(bytes)
      if (at < flipped.length) flipped[at]! ^= 1 << dice.below(8)
      return flipped
    }
    case 1:
      return Buffer.concat([before, dice.bytes(1), bytes.subarray(at + 1)])
    case 2:
      return Buffer.concat([before, after])
    case 3:
      return Buffer.concat([bytes, bytes])
    case 4:
      return Buffer.concat([before, ...Array.from({ length: dice.below(20) }, () => part), after])
    case 5:
      return before
    case 6:
      return Buffer.concat([before, other, after])
    default:
      return Buffer.concat([before, other.subarray(dice.below(other.length))])
  }
}
