import type { Clock } from '../util/clock.ts'

/** After this time without an answer, the next target is read as well. */
const hedgeMs = 500

/** The time that all targets have together, which the signal ends. */
export interface Timing {
  readonly timeMs: number
  readonly clock: Clock
  readonly signal: AbortSignal
}

/**
 * Returns the first answer of several targets. The next target is read when the one before has failed, or has had its
 * share of the time. The caller aborts the signal after the answer, so that no further target is read.
 *
 * @throws AggregateError with the error of each target when all have failed
 */
export function firstAnswer<Target, Answer>(
  targets: readonly Target[],
  timing: Timing,
  read: (target: Target) => Promise<Answer>,
): Promise<Answer> {
  const delayMs = Math.min(hedgeMs, timing.timeMs / (targets.length + 1))
  const answers: Promise<Answer>[] = []
  for (const [index, target] of targets.entries()) {
    const before = answers.at(-1)
    const turn = before === undefined ? Promise.resolve() : failedOrAfter(before, index * delayMs, timing)
    answers.push(turn.then(() => read(target)))
  }
  return Promise.any(answers)
}

/**
 * Resolves when the answer has failed, or after some time. The caller aborts the signal when there is an answer.
 *
 * @throws `signal.reason` when the signal is aborted
 */
export async function failedOrAfter(answer: Promise<unknown>, ms: number, { clock, signal }: Timing): Promise<void> {
  const failed = answer.then(
    () => new Promise<never>(() => {}),
    () => {},
  )
  await Promise.race([failed, clock.sleep(ms, signal)])
}

/** Returns the errors of all targets that have failed. */
export const errorsOf = (error: unknown): readonly unknown[] =>
  error instanceof AggregateError ? error.errors.flatMap(errorsOf) : [error]
