import type { AddressChange, ProbedAddress, ResolvedAddresses } from './addresses/list.ts'
import type { Reason } from './errors.ts'

/** A read of the key begins. */
export interface AttemptEvent {
  readonly type: 'attempt'
  /** Counts from 1. */
  readonly attempt: number
}

/** The reason for waiting has changed: "which component are we waiting for". */
export interface PhaseEvent {
  readonly type: 'phase'
  /** Why there is no list yet; in a watch that has one, why it cannot be followed. */
  readonly reason: Reason
  /** The reason before it; `undefined` for the first, and for the first after a watch had its list. */
  readonly previous: Reason | undefined
  /** Milliseconds since the call began. */
  readonly elapsedMs: number
  /** One line for people: what was seen, and where. */
  readonly message: string
  /**
   * What it looks like and what to do, where the library has a guess (an agent node, a datastore without the key); with
   * `tls-rejected`, which files were used.
   */
  readonly hint?: string | undefined
  /** With `expect`: what of it is not in the list, or dead. */
  readonly missing?: readonly string[]
}

/** An attempt gave no list; the next one follows after `delayMs`, or sooner (see `wake`). */
export interface RetryEvent {
  readonly type: 'retry'
  /** Reads of the key so far: the number of the attempt that gave no list. Counts from 1. */
  readonly attempt: number
  /** Why it gave none. */
  readonly reason: Reason
  /** Milliseconds to the next attempt, jitter included. */
  readonly delayMs: number
  /** An etcd watch stands: the next change of the key ends the wait at once. */
  readonly watching: boolean
  /** Milliseconds left of `timeoutMs`; `null` when that is `Infinity` or, in a watch, no longer counts. */
  readonly remainingMs: number | null
  /** What was seen, for people, in its `message`; what the layer below said, untouched, in its `cause`. */
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
  /** `'key-changed'`: a write of the key; `'connected'`: a connection stands that was being made. */
  readonly cause: 'key-changed' | 'connected'
}

/** The call (or, in a watch, the wait for the first list) ended with this list. */
export interface ResolvedEvent extends ResolvedAddresses {
  readonly type: 'resolved'
}

/** The call or the watch ended with this error. */
export interface FailedEvent {
  readonly type: 'failed'
  /** An {@link ApiserverAddressError}: what the call or `next()` rejects with, unless its `code` is `CLOSED`. */
  readonly error: Error
}

/** The caller's signal ended the call or the watch. */
export interface AbortedEvent {
  readonly type: 'aborted'
  /** `signal.reason`. */
  readonly reason: unknown
}

/** The watch follows the key: at first, and again after each `disconnected`. */
export interface ConnectedEvent {
  readonly type: 'connected'
  /** Of etcd's whole store when the key was read, and not the key's own `mod_revision`; an int64 in decimal. */
  readonly revision: string
}

/** The watch lost etcd and is reconnecting. The last good list stays. */
export interface DisconnectedEvent {
  readonly type: 'disconnected'
  /** What was seen, for people, in its `message`; what the layer below said, untouched, in its `cause`. */
  readonly error: Error
}

/** etcd's history was replaced (a restored snapshot): revisions start lower than those seen before. */
export interface ResyncedEvent {
  readonly type: 'resynced'
  /** Of etcd's whole store in the new history, and not the key's own `mod_revision`; an int64 in decimal. */
  readonly revision: string
}

/** The set of addresses has changed or, with `probe`, what is alive of it: `added` and `removed` may be empty. */
export interface ChangedEvent extends AddressChange {
  readonly type: 'changed'
}

/** A shorter list was seen; these addresses stay until they have been gone for `shrinkDelayMs`. */
export interface HeldEvent {
  readonly type: 'held'
  /** `host:port`, sorted: told still, and no longer stored. */
  readonly missing: readonly string[]
  /** Milliseconds until the first of them is removed. */
  readonly untilMs: number
}

/** An empty or invalid value was seen; the last good list stays. */
export interface IgnoredEvent {
  readonly type: 'ignored'
  /** `'not-set'` or `'invalid-value'`. */
  readonly reason: Reason
  /**
   * The key's `mod_revision`, an int64 in decimal; of etcd's whole store where the key is absent, or its value too large
   * to be received.
   */
  readonly revision: string
}

/** The watch is over: its last event. A watch that is closed before its first `next()` has none. */
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
  /** The same frozen object that the call's emitter is given. */
  readonly event: ApiserverAddressEvent
}
