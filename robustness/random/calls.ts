import type { ApiserverAddressEvent, ResolveOptions } from '../../src/index.ts'
import type { SourceKind } from '../../src/sources/source.ts'
import type { SeededRandom } from '../../test/support/random.ts'
import { learner, randomEndpoints, randomOptions } from './options.ts'
import type { IndependentOptions } from './options.ts'

/** A call of `resolveApiserverAddresses` and the moment when its caller aborts it. */
export interface CallScenario {
  /** Milliseconds from the start of the previous call to the start of this one. */
  readonly afterMs: number
  /** The indices of the endpoints. */
  readonly endpoints: readonly number[]
  readonly options: IndependentOptions<ResolveOptions>
  readonly abort: { readonly ms: number } | { readonly on: ApiserverAddressEvent['type'] } | undefined
}

/** Returns a random call. */
export function randomCall(random: SeededRandom, source: SourceKind): CallScenario {
  const endpoints = randomEndpoints(random, source)
  // A learner never returns a list, so a longer deadline would show nothing more.
  const longestMs = endpoints.every((each) => each === learner) ? 3000 : 20_000
  const timeoutMs = random.size(random.chance(0.4) ? 100 : 2000, longestMs)
  return {
    afterMs: random.size(20, 1500),
    endpoints,
    options: { ...randomOptions(random, source), timeoutMs },
    abort: random.chance(0.2)
      ? { ms: random.chance(0.2) ? 0 : random.size(1, timeoutMs) }
      : random.chance(0.1)
        ? { on: random.pick(['attempt', 'phase', 'retry', 'wake', 'resolved'] as const) }
        : undefined,
  }
}
