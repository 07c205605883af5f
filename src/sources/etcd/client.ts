import { createRequire } from 'node:module'
import type * as grpcTypes from '@grpc/grpc-js'
import type { IOptions } from 'etcd3'
import type * as pool from 'etcd3/lib/connection-pool.js'
import type * as rpc from 'etcd3/lib/rpc.js'

// Only the part of etcd3 that calls etcd: its locks, leases, elections and builders take more than 5 ms to load, and
// enough memory for a garbage collection before the first answer. Loaded by `require`, because an import reads CommonJS
// files twice.
const require = createRequire(import.meta.url)

export const grpc: typeof grpcTypes = require('@grpc/grpc-js')
const { ConnectionPool }: typeof pool = require('etcd3/lib/connection-pool.js')
const { AuthClient, KVClient, WatchClient }: typeof rpc = require('etcd3/lib/rpc.js')

/** A fault policy for etcd3 that does nothing, because only the call retries. */
const noRetry = {
  execute: async <T>(call: (context: object) => T) => call({}),
} as unknown as Exclude<NonNullable<IOptions['faultHandling']>['global'], undefined>

/** The services of etcd over one channel. */
export class EtcdClient {
  readonly auth: rpc.AuthClient
  readonly kv: rpc.KVClient
  readonly watch: rpc.WatchClient

  constructor(channel: grpcTypes.Channel) {
    const connections = new ConnectionPool({
      // Not used, because all services share the one channel.
      hosts: 'localhost',
      grpcOptions: { channelOverride: channel },
      faultHandling: { host: () => noRetry, global: noRetry },
    })
    this.auth = new AuthClient(connections)
    this.kv = new KVClient(connections)
    this.watch = new WatchClient(connections)
  }
}
