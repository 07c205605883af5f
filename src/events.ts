import type { AddressChange, ProbedAddress, ResolvedAddresses } from './addresses/list.ts'
import type { Reason } from './errors.ts'

/** Emitted when a read of the list begins. */
export interface AttemptEvent {
  readonly type: 'attempt'
  /** The number of the attempt in this call or watch, from 1. */
  readonly attempt: number
  /** Where the list is read; `undefined` until the files of the node show it. */
  readonly source: 'etcd' | 'kubernetes' | undefined
}

/** Emitted when the reason for waiting, or its hint, has changed. The reason names what the call waits for. */
export interface PhaseEvent {
  readonly type: 'phase'
  /** Why there is no complete list yet; in a watch that has a list, why the list cannot be followed. */
  readonly reason: Reason
  /** The reason of the phase before; `undefined` in the first phase, and in the first one after a watch had a list. */
  readonly previous: Reason | undefined
  /** Milliseconds since this wait began: with the call or watch or, in a watch that has a list, with the outage. */
  readonly elapsedMs: number
  /** Where the list is read; `undefined` until the files of the node show it. */
  readonly source: 'etcd' | 'kubernetes' | undefined
  /** What was seen, and where: one line for people. */
  readonly message: string
  /**
   * A possible cause and what to do, if the package has a guess: an agent node, or a datastore without the key. With
   * `tls-rejected`, the files that were used.
   */
  readonly hint?: string | undefined
  /** With `expect`: the expected addresses that are not in the list, or dead. */
  readonly missing?: readonly string[]
}

/** Emitted when an attempt gave no list. The next attempt begins after `delayMs`, or earlier after a `wake`. */
export interface RetryEvent {
  readonly type: 'retry'
  /** The number of the attempt that gave no list, from 1: the number of reads of the list so far. */
  readonly attempt: number
  /** Why the attempt gave no list. */
  readonly reason: Reason
  /** Where the list is read; `undefined` until the files of the node show it. */
  readonly source: 'etcd' | 'kubernetes' | undefined
  /** Milliseconds to the next attempt, including jitter. */
  readonly delayMs: number
  /** Whether a watch is open, so that the next change of the list ends the wait at once. */
  readonly watching: boolean
  /** Milliseconds left of `timeoutMs`; `null` if `timeoutMs` is `Infinity`, or if a watch has had its first list. */
  readonly remainingMs: number | null
  /** Its `message` says for people what was seen. Its `cause` is the error of Node, gRPC or etcd, if any. */
  readonly error: Error
  /** With `expect`: the expected addresses that are not in the list, or dead. */
  readonly missing?: readonly string[]
}

/** Emitted with `probe`, when every address of the list was probed. */
export interface ProbedEvent {
  readonly type: 'probed'
  /** The state of each address, in the order of the list. */
  readonly probes: readonly ProbedAddress[]
  /** With `'tls'` and `'readyz'`: why the certificates were not verified. Absent if they were. */
  readonly unverified?: string
}

/** Emitted when the wait for the next attempt has ended early. */
export interface WakeEvent {
  readonly type: 'wake'
  /**
   * `'key-changed'` if the source has pushed a change of the list, or has ended its watch, so that the list may have
   * changed; `'connected'` if a connection that timed out after TCP was connected is established now.
   */
  readonly cause: 'key-changed' | 'connected'
}

/** Emitted when the call, or the wait for the first list of a watch, has ended with this list. */
export interface ResolvedEvent extends ResolvedAddresses {
  readonly type: 'resolved'
}

/** Emitted when the call or the watch has ended with this error. */
export interface FailedEvent {
  readonly type: 'failed'
  /**
   * The {@link ApiserverAddressError} that the call or `next()` rejects with. With the code `CLOSED`, it is only in
   * this event.
   */
  readonly error: Error
}

/** Emitted when the caller's signal has ended the call or the watch. */
export interface AbortedEvent {
  readonly type: 'aborted'
  /** The `reason` of the signal. */
  readonly reason: unknown
}

/** Emitted when the watch follows the list: after the first list, and again after each `disconnected`. */
export interface ConnectedEvent {
  readonly type: 'connected'
  /** The revision of the list, as in {@link ChangedEvent}. */
  readonly revision: string
}

/** Emitted when the watch has lost its source. It connects again, and the last good list stays. */
export interface DisconnectedEvent {
  readonly type: 'disconnected'
  /** Its `message` says for people what was seen. Its `cause` is the error of Node, gRPC or etcd, if any. */
  readonly error: Error
}

/**
 * Emitted when another history has replaced that of the store, as after a restored snapshot. Revisions may be lower than
 * those seen before.
 */
export interface ResyncedEvent {
  readonly type: 'resynced'
  /**
   * The revision of the list in the new history, or that of the whole store if there is no list.
   * An int64 in decimal.
   */
  readonly revision: string
}

/**
 * Emitted when the set of addresses has changed or, with `probe`, the state of an address. If only states have changed,
 * `added` and `removed` are empty.
 */
export interface ChangedEvent extends AddressChange {
  readonly type: 'changed'
}

/** Emitted when addresses are missing in the source. Each stays in the list until it has been missing for `shrinkDelayMs`. */
export interface HeldEvent {
  readonly type: 'held'
  /** The addresses that are missing in the source and still in the list: `host:port`, sorted. */
  readonly missing: readonly string[]
  /** Milliseconds until the first of these addresses is removed. */
  readonly untilMs: number
}

/** Emitted when the source has no list, or an empty or invalid one. The last good list stays. */
export interface IgnoredEvent {
  readonly type: 'ignored'
  /** `'not-set'` if there is no list or an empty one; otherwise `'invalid-value'`. */
  readonly reason: Reason
  /**
   * The revision of the list. If there is no list, or it is too large to be received: the newest known revision of the
   * store. An int64 in decimal.
   */
  readonly revision: string
}

/**
 * Emitted as the last event of a watch, when it has ended. A watch that is closed before its first `next()` has none.
 */
export interface ClosedEvent {
  readonly type: 'closed'
}

/** Any event. `type` distinguishes them. A minor release may add types: keep a `default` branch. */
export type ApiserverAddressEvent =
  | AttemptEvent
  | PhaseEvent
  | RetryEvent
  | ProbedEvent
  | WakeEvent
  | ResolvedEvent
  | FailedEvent
  | AbortedEvent
  | ConnectedEvent
  | DisconnectedEvent
  | ResyncedEvent
  | ChangedEvent
  | HeldEvent
  | IgnoredEvent
  | ClosedEvent

/**
 * The event map of an `EventEmitter<ApiserverAddressEvents>`. Each event is emitted under its `type`, synchronously and
 * in order, as one frozen object. It can be written as JSON, except for `error` and for the `reason` of `aborted`.
 *
 * A listener that throws changes no outcome: its error is an uncaught exception of the process.
 */
export type ApiserverAddressEvents = {
  [Type in ApiserverAddressEvent['type']]: [event: Extract<ApiserverAddressEvent, { type: Type }>]
}
