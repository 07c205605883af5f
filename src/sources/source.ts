import type { Failure } from './failure.ts'

/** The stored list at one moment, as a linearizable read or an event of a watch returns it. */
export interface Snapshot {
  /** The value of the key; `undefined` if the key does not exist. */
  readonly value: Uint8Array | undefined
  /** The revision that wrote or deleted this value. 0 in a read of a key that does not exist. */
  readonly modRevision: bigint
  /** The revision of the latest write that created the key; 0 if it does not exist. */
  readonly createRevision: bigint
  /** The number of writes since the key was created. */
  readonly version: bigint
  /** The revision of the whole store at that moment. */
  readonly revision: bigint
}

/** The changes after one snapshot, as the source pushes them. */
export interface SourceWatch {
  /**
   * Resolves when there is a change to drain.
   *
   * @throws Failure when the watch has ended for any reason; only a new read counts from then on
   * @throws `signal.reason` when the signal is aborted
   */
  changed(signal: AbortSignal): Promise<void>
  /** Returns the changes since the last call, oldest first. */
  drain(): readonly Snapshot[]
  close(): void
}

/** A place where the list can be read and watched. It has no policy: waiting, completeness and retries are the call's. */
export interface Source {
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
  /** Returns what the read in flight waits for, if it is late. */
  pending(): Failure | undefined
  /** Resolves when a connection is established that was still being made when its read ended. May never resolve. */
  whenConnected(): Promise<void>
  /** Closes all connections. */
  close(): void
}
