import * as grpc from '@grpc/grpc-js'
import type { Channel } from '@grpc/grpc-js'
import { Etcd3 } from 'etcd3'
import type { IOptions } from 'etcd3'

export { grpc }

/** A fault policy for etcd3 that does nothing, because only the call retries. */
const noRetry = {
  execute: async <T>(call: (context: object) => T) => call({}),
} as unknown as Exclude<NonNullable<IOptions['faultHandling']>['global'], undefined>

/** Not used, because only watches that etcd3 reconnects itself need it. Given, so that etcd3 does not create one. */
const noBackoff: NonNullable<Required<IOptions>['faultHandling']['watchBackoff']> = {
  duration: 0,
  next: () => noBackoff,
}

/** The services of etcd over one channel. */
export class EtcdClient {
  readonly auth: Etcd3['auth']
  readonly kv: Etcd3['kv']
  readonly watch: Etcd3['watchClient']

  constructor(channel: Channel) {
    const { auth, kv, watchClient } = new Etcd3({
      // Not used, because all services share the one channel.
      hosts: 'localhost',
      grpcOptions: { channelOverride: channel },
      faultHandling: { host: () => noRetry, global: noRetry, watchBackoff: noBackoff },
    })
    this.auth = auth
    this.kv = kv
    this.watch = watchClient
  }
}
