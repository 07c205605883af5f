import type { Reason } from './errors.ts'
import type { AddressChange, ProbedAddress, ResolvedAddresses } from './addresses.ts'

/** A read of the key begins. */
export interface AttemptEvent {
  readonly type: 'attempt'
  /** Counts from 1. */
  readonly attempt: number
}

/** The reason for waiting has changed: "which component are we waiting for". */
export interface PhaseEvent {
  readonly type: 'phase'
  readonly reason: Reason
  /** The reason before it; `undefined` for the first. */
  readonly previous: Reason | undefined
  /** Milliseconds since the call began. */
  readonly elapsedMs: number
  /** One line for people: what was seen, and where. */
  readonly message: string
  /** What it looks like and what to do, where the library has a guess (an agent node, a datastore without the key). */
  readonly hint?: string | undefined
  /** With `expect`: what of it is not in the list, or dead. */
  readonly missing?: readonly string[]
}

/** An attempt gave no list; the next one follows after `delayMs`, or sooner (see `wake`). */
export interface RetryEvent {
  readonly type: 'retry'
  /** The attempt that gave no list. */
  readonly attempt: number
  readonly reason: Reason
  /** Milliseconds to the next attempt, jitter included. */
  readonly delayMs: number
  /** An etcd watch stands: the next change of the key ends the wait at once. */
  readonly watching: boolean
  /** Milliseconds left of `timeoutMs`; `null` when that is `Infinity` or, in a watch, no longer counts. */
  readonly remainingMs: number | null
  readonly error: Error
  /** With `expect`: what of it is not in the list, or dead. */
  readonly missing?: readonly string[]
}

/** With `probe`: every address of the list was asked. */
export interface ProbedEvent {
  readonly type: 'probed'
  /** In the order of the list. */
  readonly probes: readonly ProbedAddress[]
  /** Why certificates were not checked, where they should have been. */
  readonly unverified?: string
}

/** A wait ended early: etcd told of a change of the key, or an endpoint that had been silent came alive. */
export interface WakeEvent {
  readonly type: 'wake'
  readonly cause: 'key-changed' | 'connected'
}

/** The call (or, in a watch, the wait for the first list) ended with this list. */
export interface ResolvedEvent extends ResolvedAddresses {
  readonly type: 'resolved'
}

/** The call ended with this error. */
export interface FailedEvent {
  readonly type: 'failed'
  readonly error: Error
}

/** The caller's signal ended the call. */
export interface AbortedEvent {
  readonly type: 'aborted'
  /** `signal.reason`. */
  readonly reason: unknown
}

/** The watch reads and follows the key, as of `revision` (of etcd's store, an int64 in decimal). */
export interface ConnectedEvent {
  readonly type: 'connected'
  readonly revision: string
}

/** The watch lost etcd and is reconnecting. The last good list stays. */
export interface DisconnectedEvent {
  readonly type: 'disconnected'
  readonly error: Error
}

/** etcd's history was replaced (a restored snapshot): revisions start lower than those seen before. */
export interface ResyncedEvent {
  readonly type: 'resynced'
  readonly revision: string
}

/** The set of addresses has changed or, with `probe`, what is alive of it: `added` and `removed` may be empty. */
export interface ChangedEvent extends AddressChange {
  readonly type: 'changed'
}

/** A shorter list was seen; these addresses stay until they have been gone for `shrinkDelayMs`. */
export interface HeldEvent {
  readonly type: 'held'
  readonly missing: readonly string[]
  /** Milliseconds until the first of them is removed. */
  readonly untilMs: number
}

/** An empty or invalid value was seen; the last good list stays. */
export interface IgnoredEvent {
  readonly type: 'ignored'
  readonly reason: Reason
  readonly revision: string
}

/** The watch is over. */
export interface ClosedEvent {
  readonly type: 'closed'
}

/** Every event, told apart by `type`. New types may come in a minor release: keep a `default` branch. */
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
 * The event map of an `EventEmitter<ApiserverAddressEvents>`: each event is emitted under its `type`, synchronously,
 * in order, as one frozen object that is JSON-safe apart from `error` (and the abort's `reason`).
 */
export type ApiserverAddressEvents = {
  [Type in ApiserverAddressEvent['type']]: [event: Extract<ApiserverAddressEvent, { type: Type }>]
}

/**
 * What is published on the `node:diagnostics_channel` named `rke2-apiserver-resolver`: every event of every call and
 * watch of the process, whether it has an emitter or not.
 */
export interface DiagnosticsMessage {
  /** Tells the calls and watches of one process apart; counts from 1. */
  readonly call: number
  /** The etcd key that is read. */
  readonly key: string
  readonly event: ApiserverAddressEvent
}
