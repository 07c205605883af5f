import { createRequire } from 'node:module'
import type * as grpcTypes from '@grpc/grpc-js'
import type { IOptions } from 'etcd3'
import type * as pool from 'etcd3/lib/connection-pool.js'
import type * as rpc from 'etcd3/lib/rpc.js'

// Of etcd3 only what calls etcd: its locks, leases, elections and builders would take 5 ms and more to load, and so much
// memory that Node collects garbage before there is an answer. And required, because an import of CommonJS reads it twice.
const require = createRequire(import.meta.url)

export const grpc: typeof grpcTypes = require('@grpc/grpc-js')
const { ConnectionPool }: typeof pool = require('etcd3/lib/connection-pool.js')
const { AuthClient, KVClient, WatchClient }: typeof rpc = require('etcd3/lib/rpc.js')

/** A fault policy of etcd3 (one of cockatiel's) that does nothing: retries are not made at two levels. */
const noRetry = {
  execute: async <T>(call: (context: object) => T) => call({}),
} as unknown as Exclude<NonNullable<IOptions['faultHandling']>['global'], undefined>

/** etcd's services over one channel, by etcd3. */
export class EtcdClient {
  readonly auth: rpc.AuthClient
  readonly kv: rpc.KVClient
  readonly watch: rpc.WatchClient

  constructor(channel: grpcTypes.Channel) {
    const connections = new ConnectionPool({
      hosts: channel.getTarget(),
      // All of etcd3's services on our one channel.
      grpcOptions: { channelOverride: channel },
      faultHandling: { host: () => noRetry, global: noRetry },
    })
    this.auth = new AuthClient(connections)
    this.kv = new KVClient(connections)
    this.watch = new WatchClient(connections)
  }
}
