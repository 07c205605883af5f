import type { Endpoint } from '../../addresses/endpoint.ts'
import type { Snapshot, SourceWatch } from '../source.ts'
import type { Certificates } from '../certificates.ts'
import type { Stage } from './late.ts'
import type { Credentials } from './options.ts'

/** One connection to one endpoint. Nothing in it retries. */
export interface Connection {
  /** How far the connection has got. */
  readonly stage: Stage
  /** Reads the key linearizably. The signal is the only deadline. */
  read(key: string, signal: AbortSignal): Promise<Snapshot>
  /** Resolves when etcd has confirmed the watch. */
  watch(key: string, afterRevision: bigint, signal: AbortSignal): Promise<SourceWatch>
  /** Resolves when the connection is established; never, if it is closed before. */
  whenReady(): Promise<void>
  /** Ends all calls and destroys the socket. */
  close(): void
}

export interface ConnectionOptions {
  readonly endpoint: Endpoint
  /** The certificates of an endpoint with `https:`. */
  readonly certificates: Certificates | undefined
  readonly credentials: Credentials | undefined
  /** Milliseconds between two keepalive pings. */
  readonly keepaliveMs: number
  /** Called when the server has refused the pings as too frequent. */
  readonly onExcessPings: () => void
}
