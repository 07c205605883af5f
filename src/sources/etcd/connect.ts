import type { Connect } from '../connection.ts'
import { loadPart } from '../load-part.ts'
import type { ConnectToEtcd, EtcdSourceOptions } from './options.ts'

/** Loads the etcd client with the first connection: importing this package must not cost those 80 to 100 ms. */
export const connectToEtcd: ConnectToEtcd = async (options) =>
  (await loadPart(() => import('./etcd-connection.ts'))).connect(options)

/** etcd answers pings more often than every 5 s with GOAWAY; `etcd grpc-proxy` of 3.4 more often than every 5 minutes. */
const firstKeepaliveMs = 10_000
const longestKeepaliveMs = 300_000

/** Returns the function that connects to an endpoint, with less frequent pings where the server has refused them. */
export function createConnect({ key, credentials }: EtcdSourceOptions, connect: ConnectToEtcd): Connect {
  /** Milliseconds between two pings, by the URL of an endpoint that has refused more frequent ones. */
  const intervals = new Map<string, number>()
  return (endpoint, certificates) => {
    const keepaliveMs = intervals.get(endpoint.url) ?? firstKeepaliveMs
    const onExcessPings = () => void intervals.set(endpoint.url, Math.min(2 * keepaliveMs, longestKeepaliveMs))
    return connect({ endpoint, certificates, key, credentials, keepaliveMs, onExcessPings })
  }
}
