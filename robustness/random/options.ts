import { defaults } from '../../src/call/defaults.ts'
import type { ResolveOptions } from '../../src/index.ts'
import { sourceDefaults } from '../../src/sources/defaults.ts'
import type { SourceKind } from '../../src/sources/source.ts'
import type { SeededRandom } from '../../test/support/random.ts'
import { servers } from './writes.ts'

/** The index of the learner's endpoint. The three endpoints before it belong to voting members of etcd. */
export const learner = 3

/** The indices of the endpoints that can return a list: of etcd's members, or of the apiservers. */
const servingEndpoints: Readonly<Record<SourceKind, readonly number[]>> = { etcd: [0, 1, 2], kubernetes: [0, 1] }

/** The options that are independent of the running servers. */
export type IndependentOptions<Options> = Omit<Options, 'endpoints' | 'tls' | 'signal' | 'events'>

/** Returns the indices of one or more endpoints. With etcd, the learner's is sometimes among them, or alone. */
export function randomEndpoints(random: SeededRandom, source: SourceKind): readonly number[] {
  if (source === 'kubernetes') return randomServers(random, source)
  if (random.chance(0.03)) return [learner]
  const members = randomServers(random, source)
  return random.chance(0.15) ? random.shuffle([...members, learner]) : members
}

/** Returns the indices of one or more endpoints that can return a list. */
export function randomServers(random: SeededRandom, source: SourceKind): readonly number[] {
  const all = servingEndpoints[source]
  return random.shuffle(all).slice(random.upTo(all.length))
}

/** Returns options that decide when a list is complete and how attempts are repeated. */
export function randomOptions(random: SeededRandom, source: SourceKind) {
  const expect = random.shuffle(servers).slice(0, 1 + random.upTo(2))
  return {
    minAddresses: random.chance(0.5) ? 1 : 1 + random.upTo(servers.length),
    expect: random.chance(0.7)
      ? []
      : expect.map((each) => (random.chance(0.5) ? each : each.slice(0, each.lastIndexOf(':')))),
    settleMs: random.chance(0.7) ? 0 : random.size(20, 2500),
    attemptTimeoutMs: random.chance(0.5) ? sourceDefaults[source].attemptTimeoutMs : random.size(50, 5000),
    retry: {
      initialDelayMs: random.chance(0.5) ? defaults.retry.initialDelayMs : random.size(5, 1000),
      maxDelayMs: random.chance(0.5) ? defaults.retry.maxDelayMs : random.size(50, 4000),
      factor: 1 + 2 * random.random(),
      jitter: random.pick(['equal', 'full', 'none'] as const),
      maxAttempts: random.chance(0.8) ? Infinity : 1 + random.upTo(12),
    },
  } satisfies IndependentOptions<ResolveOptions>
}
