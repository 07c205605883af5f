import type { Faults, Targets } from './targets.ts'

type Kinds = 'clock step' | 'block event loop'

const steps = [1000, 3_600_000, 20 * 86_400_000] as const

/** Returns the faults of this process, in which the clients run. */
export function processFaults(targets: Targets): Faults<Kinds> {
  return {
    'clock step': async ({ target, severity }) => {
      targets.environment.wallClock.step(steps[target]! * (severity < 0.5 ? -1 : 1))
      return true
    },

    'block event loop': async ({ severity }) => {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100 + 2000 * severity)
      return true
    },
  }
}
