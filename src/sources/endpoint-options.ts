import type { Endpoint } from '../addresses/endpoint.ts'
import type { CertificateReaderOptions } from './certificate-reader.ts'
import type { CheckPort, Connect, LateFailure } from './connection.ts'
import type { Failure } from './failure.ts'

/** The options of a call that concern the endpoints of a source. */
export interface EndpointReaderOptions extends CertificateReaderOptions {
  readonly endpoints: readonly [Endpoint, ...Endpoint[]]
  readonly attemptTimeoutMs: number
}

/** What differs between the sources. */
export interface EndpointBehaviour {
  readonly connect: Connect
  readonly lateFailure: LateFailure
  /** Checks an endpoint that was unreachable before a connection is opened, where a connection costs more. */
  readonly checkPort?: CheckPort | undefined
  /** Whether every other endpoint would fail in the same way, so that none of them is read. */
  readonly isClusterWide: (failure: Failure) => boolean
  /** Returns more endpoints, which are read when the others have failed or have been silent for `spareDelayMs`. */
  readonly spareEndpoints?: (signal: AbortSignal) => Promise<readonly Endpoint[]>
}
