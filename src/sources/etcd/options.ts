import type { Logger } from 'pino'
import type { Endpoint } from '../../addresses/endpoint.ts'
import type { TlsFiles } from '../../rke2.ts'

/** User name and password of an etcd user. */
export interface Credentials {
  readonly username: string
  readonly password: string
}

/** The options of a call that concern etcd. */
export interface EtcdSourceOptions {
  readonly endpoints: readonly [Endpoint, ...Endpoint[]]
  readonly tls: TlsFiles
  readonly credentials: Credentials | undefined
  readonly key: string
  readonly attemptTimeoutMs: number
  readonly logger: Logger | undefined
}
