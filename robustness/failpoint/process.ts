import type { Faults } from './targets.ts'
import type { WallClock } from './wall-clock.ts'

type Kinds = 'clock step' | 'block event loop' | 'stop process'

const steps = [1000, 3_600_000, 20 * 86_400_000] as const

/**
 * Returns the faults of this process, in which the clients run.
 *
 * @param stop stops this process for some time. While it is stopped, every server comes back, if `target` can write that
 */
export function processFaults(
  wallClock: WallClock,
  stop: (ms: number, target: number) => Promise<unknown>,
): Faults<Kinds> {
  return {
    'clock step': async ({ target, severity }) => {
      wallClock.step(steps[target]! * (severity < 0.5 ? -1 : 1))
      return true
    },

    'block event loop': async ({ severity }) => {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100 + 2000 * severity)
      return true
    },

    'stop process': async ({ target, severity }) => {
      await stop(1000 + 7000 * severity, target)
      return true
    },
  }
}
