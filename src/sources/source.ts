import type { Failure } from './failure.ts'

/** Where a list can be read: the key in etcd, or the EndpointSlices in Kubernetes. */
export type SourceKind = 'etcd' | 'kubernetes'

/** The stored list at one moment, as a linearizable read or an event of a watch returns it. */
export interface Snapshot {
  /** A JSON array of `host:port`; `undefined` if there is no list. */
  readonly value: Uint8Array | undefined
  /** Why there is no list, if that is not because the key does not exist. */
  readonly absence?: string
  /** The revision that wrote or deleted this value. 0 in a read of a list that does not exist. */
  readonly modRevision: bigint
  /** Identifies the latest creation of the list, in etcd by its revision; 0 if it does not exist. */
  readonly createRevision: bigint
  /** The number of writes since the list was created. */
  readonly version: bigint
  /** The revision of the whole store at that moment. */
  readonly revision: bigint
}

/** The changes after one snapshot, as the source pushes them. */
export interface SourceWatch {
  /**
   * Resolves when there is a change to drain, or the watch is over.
   *
   * @throws Failure when the watch has ended for any reason; only a new read counts from then on
   * @throws `signal.reason` when the signal is aborted
   */
  changed(signal: AbortSignal): Promise<void>
  /** Returns the changes since the last call, oldest first. */
  drain(): readonly Snapshot[]
  /** Whether the watch has ended without a failure, so that a read and a new watch have to follow. */
  readonly isOver: boolean
  close(): void
}

/** A place where the list can be read and watched. It has no policy: waiting, completeness and retries are the call's. */
export interface Source {
  /** Where the list is read; `undefined` while that is not decided. */
  readonly kind: SourceKind | undefined
  /** The name of what is read, for messages: the key in etcd, or the Service in Kubernetes. */
  readonly subject: string
  /** The files with the CA that signed the certificates of the apiservers. The first one that exists counts. */
  readonly serverCaFiles: readonly string[]
  /** The default of `shrinkDelayMs`. */
  readonly shrinkDelayMs: number
  /** The longest wait between two reads in milliseconds, whatever the backoff is. */
  readonly longestDelayMs: number
  /** The URL of the endpoint that answered last, or that is read first; for messages. */
  readonly endpoint: string
  /** Changes when the credentials change, because a TLS failure with new files is a new failure. */
  readonly fingerprint: string | undefined
  /**
   * Reads the list once, consistently, within the time of one attempt.
   *
   * @throws Failure when no endpoint has answered
   * @throws `signal.reason` when the signal is aborted
   */
  read(signal: AbortSignal): Promise<Snapshot>
  /**
   * Resolves with a watch for the changes after a revision when the source has confirmed it.
   *
   * @throws Failure when no watch can be opened
   * @throws `signal.reason` when the signal is aborted
   */
  watch(afterRevision: bigint, signal: AbortSignal): Promise<SourceWatch>
  /**
   * Returns the look-up of what may have caused a failure and what to do, or `undefined` if there is nothing to look up.
   *
   * @param waitedMs how long the call has waited for the reason of the failure
   */
  hint(failure: Failure, waitedMs: number): Promise<string | undefined> | undefined
  /** Returns what the read in flight waits for, if it is late. */
  pending(): Failure | undefined
  /** Whether `whenConnected` also resolves after other failures than a timeout. */
  readonly wakesAfterFailure?: boolean
  /** Resolves when a connection is established that was still being made when its read ended. May never resolve. */
  whenConnected(): Promise<void>
  /** Closes all connections. */
  close(): void
}
