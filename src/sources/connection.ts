import type { Endpoint } from '../addresses/endpoint.ts'
import type { Certificates } from './certificates.ts'
import type { Failure } from './failure.ts'
import type { Snapshot, SourceWatch } from './source.ts'

/** How far a connection has got. */
export type Stage = 'resolving' | 'connecting' | 'handshake' | 'ready' | 'closed'

/** One connection to one endpoint. Nothing in it retries. */
export interface Connection {
  readonly stage: Stage
  /** Reads the list consistently. The signal is the only deadline. */
  read(signal: AbortSignal): Promise<Snapshot>
  /** Resolves when the server has confirmed the watch. */
  watch(afterRevision: bigint, signal: AbortSignal): Promise<SourceWatch>
  /** Resolves when the connection is established; never, if it is closed before. */
  whenReady(): Promise<void>
  /** Ends all requests and destroys the socket. */
  close(): void
}

/**
 * Opens a connection to one endpoint. A test gives its own.
 *
 * @param certificates the certificates of an endpoint with `https:`
 */
export type Connect = (endpoint: Endpoint, certificates: Certificates | undefined) => Promise<Connection>

/** Returns the failure of a read without an answer, by the stage that its connection has reached. */
export type LateFailure = (url: string, stage: Stage) => Failure

/**
 * Resolves when the endpoint accepts a TCP connection, which is then closed.
 *
 * @throws Failure `unreachable` when it refuses the connection
 * @throws `signal.reason` when the signal is aborted
 */
export type CheckPort = (endpoint: Endpoint, signal: AbortSignal) => Promise<void>
