import type { WatchOptions } from '../../src/index.ts'
import type { SourceKind } from '../../src/sources/source.ts'
import type { SeededRandom } from '../../test/support/random.ts'
import { randomEndpoints, randomOptions, randomServers } from './options.ts'
import type { IndependentOptions } from './options.ts'

/** A watch, how it is read, and how it is ended. */
export interface WatchScenario {
  /** Milliseconds from the end of the previous watch to the start of this one. */
  readonly afterMs: number
  /** The indices of the endpoints. */
  readonly endpoints: readonly number[]
  readonly options: IndependentOptions<WatchOptions> & { readonly shrinkDelayMs: number }
  /** The longest time that the reader takes for one list. */
  readonly readMs: number
  readonly lifetimeMs: number
  readonly end: 'close' | 'abort' | 'break' | 'dispose'
}

/**
 * Returns a random watch.
 *
 * @param permanent whether the watch is open for the whole campaign; such a watch can always get a list
 */
export function randomWatch(random: SeededRandom, permanent: boolean, source: SourceKind): WatchScenario {
  const { retry, attemptTimeoutMs, ...completeness } = randomOptions(random, source)
  return {
    afterMs: random.size(10, 4000),
    endpoints: permanent ? randomServers(random, source) : randomEndpoints(random, source),
    options: {
      // After a fault the watch has to connect again, and one attempt must be long enough for that.
      attemptTimeoutMs: Math.max(1000, attemptTimeoutMs),
      retry: permanent ? { ...retry, maxAttempts: Infinity } : retry,
      ...(permanent ? {} : completeness),
      timeoutMs: permanent || random.chance(0.5) ? Infinity : random.size(500, 30_000),
      shrinkDelayMs: random.chance(0.2) ? 0 : random.size(50, 4000),
    },
    readMs: random.chance(0.5) ? 0 : random.size(5, 5000),
    lifetimeMs: permanent ? Infinity : random.chance(0.1) ? 0 : random.size(50, 60_000),
    end: random.pick(['close', 'abort', 'break', 'dispose']),
  }
}
