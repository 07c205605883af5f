import type { SeededRandom } from '../test/support/random.ts'

/** How often each kind of fault is chosen, beside the others. */
const weights = {
  kill: 3,
  restart: 3,
  pause: 3,
  stutter: 1,
  'cut off from peers': 4,
  'two members away': 1.5,
  'all members away': 0.5,
  refuse: 2,
  'black hole': 2,
  reset: 3,
  'slow link': 2,
  'no client gets through': 1,
  compact: 3,
  'another leader': 3,
  'client certificate': 2,
  'server certificate': 1,
  'another authority': 0.3,
  'clock step': 2,
  stall: 1,
  snapshot: 2,
  restore: 1.5,
}
export type FaultKind = keyof typeof weights

export interface Fault {
  /** After the one before has begun. */
  readonly afterMs: number
  readonly kind: FaultKind
  /** Which member, or which endpoint. */
  readonly target: number
  readonly lastMs: number
  /** From 0 up to, and without, 1: how bad it is. */
  readonly size: number
}

/** Faults without end. Some come in the middle of others, some have time to be noticed, and some are got over. */
export function* planFaults(dice: SeededRandom): Generator<Fault, never> {
  for (;;) {
    yield {
      afterMs: dice.size(50, 5000),
      kind: dice.weighted(weights),
      target: dice.upTo(3),
      lastMs: dice.size(100, 16_000),
      size: dice.random(),
    }
  }
}
