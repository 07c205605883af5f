import type { ApiserverAddressEvent, ResolveOptions, WatchOptions } from '../src/index.ts'
import type { SeededRandom } from '../test/support/random.ts'
import { servers } from './writer.ts'

export type EventType = ApiserverAddressEvent['type']

/** Which endpoints are given, by their number. That of the learner is the last one, and there are three others. */
export const learner = 3

/** Options that do not belong to a running etcd. */
export type Plain<Options> = Omit<Options, 'endpoints' | 'tls' | 'signal' | 'events'>

/** A call, and when its caller loses interest. */
export interface CallPlan {
  /** After the one before has begun. */
  readonly afterMs: number
  readonly endpoints: readonly number[]
  readonly options: Plain<ResolveOptions>
  readonly abort: { readonly ms: number } | { readonly on: EventType } | undefined
}

/** How a watch is used. */
export interface WatchPlan {
  /** After the one before is over. */
  readonly afterMs: number
  readonly endpoints: readonly number[]
  readonly options: Plain<WatchOptions>
  /** How long the reader takes for each list, at most. */
  readonly readMs: number
  readonly lifeMs: number
  readonly end: 'close' | 'abort' | 'break' | 'dispose'
}

export function planCall(dice: SeededRandom): CallPlan {
  const asked = endpoints(dice)
  // A learner gives nothing, however long one waits.
  const longestMs = asked.every((each) => each === learner) ? 3000 : 20_000
  const timeoutMs = dice.size(dice.chance(0.4) ? 100 : 2000, longestMs)
  return {
    afterMs: dice.size(20, 1500),
    endpoints: asked,
    options: { ...conditions(dice), timeoutMs },
    abort: dice.chance(0.2)
      ? { ms: dice.chance(0.2) ? 0 : dice.size(1, timeoutMs) }
      : dice.chance(0.1)
        ? { on: dice.pick(['attempt', 'phase', 'retry', 'wake', 'resolved'] as const) }
        : undefined,
  }
}

/** @param forever lives as long as the campaign, and can be used */
export function planWatch(dice: SeededRandom, forever: boolean): WatchPlan {
  const { retry, attemptTimeoutMs, ...first } = conditions(dice)
  return {
    afterMs: dice.size(10, 4000),
    endpoints: forever ? dice.shuffle([0, 1, 2]).slice(dice.upTo(3)) : endpoints(dice),
    options: {
      // Time to connect in: etcd has to be found again.
      attemptTimeoutMs: Math.max(1000, attemptTimeoutMs),
      retry: forever ? { ...retry, maxAttempts: Infinity } : retry,
      ...(forever ? {} : first),
      timeoutMs: forever || dice.chance(0.5) ? Infinity : dice.size(500, 30_000),
      shrinkDelayMs: dice.chance(0.2) ? 0 : dice.size(50, 4000),
    },
    readMs: dice.chance(0.5) ? 0 : dice.size(5, 5000),
    lifeMs: forever ? Infinity : dice.chance(0.1) ? 0 : dice.size(50, 60_000),
    end: dice.pick(['close', 'abort', 'break', 'dispose']),
  }
}

function endpoints(dice: SeededRandom): readonly number[] {
  if (dice.chance(0.03)) return [learner]
  const members = dice.shuffle([0, 1, 2]).slice(dice.upTo(3))
  return dice.chance(0.15) ? dice.shuffle([...members, learner]) : members
}

function conditions(dice: SeededRandom) {
  const expect = dice.shuffle(servers).slice(0, 1 + dice.upTo(2))
  return {
    minAddresses: dice.chance(0.5) ? 1 : 1 + dice.upTo(servers.length),
    expect: dice.chance(0.7)
      ? []
      : expect.map((each) => (dice.chance(0.5) ? each : each.slice(0, each.lastIndexOf(':')))),
    settleMs: dice.chance(0.7) ? 0 : dice.size(20, 2500),
    attemptTimeoutMs: dice.chance(0.5) ? 5000 : dice.size(50, 5000),
    retry: {
      initialDelayMs: dice.chance(0.5) ? 250 : dice.size(5, 1000),
      maxDelayMs: dice.chance(0.5) ? 1900 : dice.size(50, 4000),
      factor: 1 + 2 * dice.random(),
      jitter: dice.pick(['equal', 'full', 'none'] as const),
      maxAttempts: dice.chance(0.8) ? Infinity : 1 + dice.upTo(12),
    },
  } satisfies Plain<ResolveOptions>
}
