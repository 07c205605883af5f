import { History } from '../../robustness/model/history.ts'
import type { KeyValue, ValueKind } from '../../robustness/model/key-value.ts'
import type { CallRecord } from '../../robustness/report/records.ts'
import type { ValidationContext } from '../../robustness/validate/context.ts'
import { strictLimits } from '../../robustness/validate/limits.ts'
import { ApiserverAddressError } from '../../src/index.ts'
import type { AddressList, ApiserverAddressEvent, ResolveOptions } from '../../src/index.ts'
import { SeededRandom } from '../support/random.ts'

export const [a, b, c] = ['10.0.0.1:6443', '10.0.0.2:6443', '10.0.0.3:6443'] as const

/** Each write is sent at the given time and completed 10 ms later. A revision that falls starts a new epoch. */
export function historyOf(
  ...states: [sentAt: number, value: readonly string[] | Exclude<ValueKind, 'list'>, revision?: number][]
): History {
  const history = new History()
  let epoch = 0
  for (const [index, [sentAt, value, revision = index + 2]] of states.entries()) {
    if (revision <= history.last.revision) epoch++
    const keyValue: KeyValue =
      typeof value === 'object'
        ? { kind: 'list', text: JSON.stringify(value), addresses: value }
        : { kind: value, text: '', addresses: [] }
    history.add({ ...keyValue, epoch, revision, sentAt, completedAt: sentAt + 10 })
  }
  return history
}

/** Endpoint 1 is out; nothing else is wrong. */
export function contextOf(history: History): ValidationContext {
  return {
    source: 'etcd',
    history,
    limits: strictLimits,
    eventLoopDelayMs: () => 0,
    isOut: (endpoint) => endpoint === 1,
    hadFault: () => false,
    isFaultFree: () => true,
  }
}

export function listOf(addresses: readonly string[], revision: number): AddressList {
  return {
    addresses,
    urls: addresses.map((address) => `https://${address}`),
    source: 'etcd',
    revision: String(revision),
  }
}

interface CallDetails {
  readonly options?: ResolveOptions
  readonly endpoints?: readonly number[]
  readonly abortedAt?: number
  readonly endedAt?: number
  /** The events before the final one. */
  readonly events?: readonly ApiserverAddressEvent[]
}

/** A call from 1000 to 2000 that returned a list. */
export function resolvedCall(addresses: readonly string[], revision: number, details: CallDetails = {}): CallRecord {
  const { options = {}, endpoints = [0], abortedAt, endedAt = 2000, events = [] } = details
  const result = { ...listOf(addresses, revision), attempts: 1, elapsedMs: endedAt - 1000 }
  return {
    scenario: { endpoints, options: { timeoutMs: 1000, ...options } },
    startedAt: 1000,
    endedAt,
    abortedAt,
    abortReason: 'aborted',
    outcome: { result },
    events: [...events, { type: 'resolved', ...result } as const].map((event) => ({ at: 2000, event })),
    abortListeners: 0,
  }
}

/** A call from 1000 to 2000 that failed. */
export function failedCall(
  code: 'DEADLINE_EXCEEDED' | 'REJECTED',
  reason: 'invalid-value' | 'not-set',
  details: CallDetails = {},
): CallRecord {
  const error = new ApiserverAddressError('failed', { code, reason, attempts: 1, elapsedMs: 1000, cause: undefined })
  const { events = [] } = details
  return {
    ...resolvedCall([a], 2, details),
    events: [...events, { type: 'failed', error } as const].map((event) => ({ at: 2000, event })),
    outcome: { error },
  }
}

export function retryEvent(reason: 'not-set' | 'incomplete'): ApiserverAddressEvent {
  return {
    type: 'retry',
    attempt: 1,
    reason,
    source: 'etcd',
    delayMs: 1,
    watching: false,
    remainingMs: 1,
    error: new Error(reason),
  }
}

/** Returns a generator that has been used already. Its forks must be the same as those of an unused one. */
export function usedRandom(seed: number): SeededRandom {
  const random = new SeededRandom(seed)
  random.random()
  return random
}
