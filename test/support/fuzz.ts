import { expect } from 'vitest'
import { Failure } from '../../src/sources/failure.ts'
import type { SeededRandom } from './random.ts'

/** The seed of random tests, which their titles name. It is fixed; `FUZZ_SEED=n` chooses another seed. */
export const fuzzSeed: number = Number(process.env['FUZZ_SEED'] ?? 1)

/** What in a text would forge a line of a log or a terminal, or hide a part of it. */
export const forging: RegExp = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u

/** The bytes with one thing wrong: a bit or a byte, something cut, doubled, repeated, put in or of another value. */
export function mutate(bytes: Buffer, random: SeededRandom, others: readonly Buffer[]): Buffer {
  const at = random.upTo(bytes.length + 1)
  const to = at + random.upTo(bytes.length - at + 1)
  const [before, part, after] = [bytes.subarray(0, at), bytes.subarray(at, to), bytes.subarray(to)]
  const other = random.pick(others)
  switch (random.upTo(8)) {
    case 0: {
      const flipped = Buffer.from(bytes)
      if (at < flipped.length) flipped[at]! ^= 1 << random.upTo(8)
      return flipped
    }
    case 1:
      return Buffer.concat([before, random.bytes(1), bytes.subarray(at + 1)])
    case 2:
      return Buffer.concat([before, after])
    case 3:
      return Buffer.concat([bytes, bytes])
    case 4:
      return Buffer.concat([before, ...Array.from({ length: random.upTo(20) }, () => part), after])
    case 5:
      return before
    case 6:
      return Buffer.concat([before, other, after])
    default:
      return Buffer.concat([before, other.subarray(random.upTo(other.length))])
  }
}

/** Returns a function that returns the bytes with up to four faults, different ones each time. */
export function damage(valid: Buffer, random: SeededRandom, others: readonly Buffer[]): () => Buffer {
  return () => {
    let bytes = valid
    for (let left = random.upTo(5); left > 0; left--) bytes = mutate(bytes, random, others)
    return bytes
  }
}

/**
 * Makes calls over several connections, one after the other on each, and returns how often each outcome was seen: success,
 * a reason, or what else was thrown. A call is aborted after some time, because many a damaged answer leaves it waiting.
 */
export async function countOutcomes<Connection>(
  calls: number,
  timeoutMs: number,
  connections: readonly Connection[],
  makeCall: (connection: Connection, signal: AbortSignal) => Promise<unknown>,
): Promise<Map<string, number>> {
  const counts = new Map<string, number>()
  const makeCalls = async (connection: Connection) => {
    for (let left = calls / connections.length; left > 0; left--) {
      const controller = new AbortController()
      const timer = setTimeout(() => controller.abort('aborted'), timeoutMs)
      const outcome = await makeCall(connection, controller.signal).then(() => 'success', outcomeOf)
      clearTimeout(timer)
      counts.set(outcome, (counts.get(outcome) ?? 0) + 1)
    }
  }
  await Promise.all(connections.map(makeCalls))
  return counts
}

function outcomeOf(error: unknown): string {
  if (!(error instanceof Failure)) return String(error)
  expect(error.message).not.toMatch(forging)
  return error.reason
}
