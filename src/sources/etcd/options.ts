import type { Endpoint } from '../../addresses/endpoint.ts'
import type { Certificates } from '../certificates.ts'
import type { Connection } from '../connection.ts'
import type { EndpointReaderOptions } from '../endpoint-options.ts'
import type { NodeFolder } from '../node-hints.ts'

/** User name and password of an etcd user. */
export interface Credentials {
  readonly username: string
  readonly password: string
}

/** The options of a call that concern etcd. */
export interface EtcdSourceOptions extends EndpointReaderOptions, NodeFolder {
  readonly key: string
  /** Whether certificate files under `dataDir` are used. Only then does the content of `dataDir` explain a failure. */
  readonly usesDataDir: boolean
  readonly credentials: Credentials | undefined
}

/** What one connection to etcd needs. */
export interface EtcdConnectionOptions {
  readonly endpoint: Endpoint
  /** The certificates of an endpoint with `https:`. */
  readonly certificates: Certificates | undefined
  readonly key: string
  readonly credentials: Credentials | undefined
  /** Milliseconds between two keepalive pings. */
  readonly keepaliveMs: number
  /** Called when the server has refused the pings as too frequent. */
  readonly onExcessPings: () => void
}

/** Opens a connection to etcd. A test gives its own. */
export type ConnectToEtcd = (options: EtcdConnectionOptions) => Promise<Connection>
