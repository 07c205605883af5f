import type { SeededRandom } from '../../test/support/random.ts'

/** The relative frequency of each kind of fault of connections. */
const networkWeights = {
  'refuse connections': 2,
  'black hole': 2,
  'reset connections': 3,
  'slow link': 2,
  'block all clients': 1,
}

/** The relative frequency of each kind of fault of an etcd cluster. */
export const etcdWeights = {
  kill: 3,
  restart: 3,
  pause: 3,
  'pause repeatedly': 1,
  partition: 4,
  'lose two members': 1.5,
  'lose all members': 0.5,
  ...networkWeights,
  compact: 3,
  'move leader': 3,
  'renew client certificate': 2,
  'renew server certificates': 1,
  'renew authority': 0.3,
  'future server certificate': 1,
  'clock step': 2,
  'block event loop': 1,
  'stop process': 1.5,
  'save snapshot': 2,
  'restore snapshot': 1.5,
}

/** The relative frequency of each kind of fault of apiservers and their etcd. */
export const kubernetesWeights = {
  'kill apiserver': 2,
  'freeze apiserver': 3,
  'freeze all apiservers': 1,
  'kill etcd': 1.5,
  'pause etcd': 2,
  ...networkWeights,
  compact: 3,
  'renew client certificate': 2,
  'future server certificate': 1,
  'foreign server certificate': 1,
  'clock step': 2,
  'block event loop': 1,
  'stop process': 1.5,
}

export type FaultKind = keyof typeof etcdWeights | keyof typeof kubernetesWeights

export interface Fault {
  /** Milliseconds from the start of the previous fault to the start of this one. */
  readonly afterMs: number
  readonly kind: FaultKind
  /** The index of the server or endpoint. */
  readonly target: number
  readonly durationMs: number
  /** How severe the fault is: at least 0 and less than 1. */
  readonly severity: number
}

/**
 * Generates faults without end. The intervals and durations overlap on purpose: some faults start while others are
 * active, some last long enough to be noticed, and some are over before that.
 */
export function* randomFaults(
  random: SeededRandom,
  weights: Readonly<Partial<Record<FaultKind, number>>>,
): Generator<Fault, never> {
  for (;;) {
    yield {
      afterMs: random.size(50, 5000),
      kind: random.weighted(weights as Record<FaultKind, number>),
      target: random.upTo(3),
      durationMs: random.size(100, 16_000),
      severity: random.random(),
    }
  }
}
