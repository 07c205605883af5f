import type {
  ApiserverAddressEvent,
  AttemptEvent,
  ChangedEvent,
  PhaseEvent,
  ResolvedEvent,
  RetryEvent,
} from '../../src/events.ts'

const list = { addresses: ['a:1', 'b:1'], urls: ['https://a:1', 'https://b:1'], source: 'etcd', revision: '7' } as const

export const attempt = (number: number): AttemptEvent => ({
  type: 'attempt',
  attempt: number,
  source: 'etcd',
})

export const phase = (fields: Partial<PhaseEvent> = {}): PhaseEvent => ({
  type: 'phase',
  reason: 'unreachable',
  source: 'etcd',
  previous: undefined,
  elapsedMs: 0,
  message: 'https://127.0.0.1:2379: etcd cannot be reached',
  ...fields,
})

export const retry = (fields: Partial<RetryEvent> = {}): RetryEvent => ({
  type: 'retry',
  attempt: 1,
  reason: 'unreachable',
  source: 'etcd',
  delayMs: 1500,
  watching: false,
  remainingMs: null,
  error: new Error('https://127.0.0.1:2379: etcd cannot be reached'),
  ...fields,
})

/** A retry because the list is incomplete, with the message of its error. */
export const incomplete = (message: string, fields: Partial<RetryEvent> = {}): RetryEvent =>
  retry({ reason: 'incomplete', error: new Error(message), ...fields })

export const resolved = (fields: Partial<ResolvedEvent> = {}): ResolvedEvent => ({
  type: 'resolved',
  ...list,
  attempts: 2,
  elapsedMs: 40,
  ...fields,
})

export const changed = (fields: Partial<ChangedEvent> = {}): ChangedEvent => ({
  type: 'changed',
  ...list,
  added: [],
  removed: [],
  ...fields,
})

export const connected: ApiserverAddressEvent = { type: 'connected', revision: '7' }
export const disconnected: ApiserverAddressEvent = { type: 'disconnected', error: new Error('etcd cannot be reached') }
export const held: ApiserverAddressEvent = { type: 'held', missing: ['b:1'], untilMs: 3000 }
export const ignored: ApiserverAddressEvent = { type: 'ignored', reason: 'not-set', revision: '8' }
export const resynced: ApiserverAddressEvent = { type: 'resynced', revision: '3' }

/** The results of a probe: an address that is alive, whose certificate was not verified, and one that is dead. */
export const alive = { address: 'a:1', state: 'alive', latencyMs: 3, verified: false } as const
export const dead = { address: 'b:1', state: 'dead', latencyMs: 1, cause: 'connect ECONNREFUSED' } as const
