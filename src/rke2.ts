import { join } from 'node:path'

/** Paths of PEM files. */
export interface TlsFiles {
  /** CA bundle that signed etcd's server certificates. */
  readonly caFile: string
  /** Client certificate. */
  readonly certFile: string
  /** Private key of the client certificate. */
  readonly keyFile: string
}

export type Distribution = 'rke2' | 'k3s'

/** Where `--data-dir` is unless it was changed. */
export const defaultDataDir = (distribution: Distribution): string => `/var/lib/rancher/${distribution}`

/** K3s's `AddressKey`: the program's name, no leading slash, outside `/registry/`. */
export const defaultKey = (distribution: Distribution): string => `${distribution}/apiaddresses`

/** On every server: its own etcd member, or on a control-plane-only node K3s's load balancer to the members. */
export const defaultEndpoint = 'https://127.0.0.1:2379'

/** The files that the server itself uses as an etcd client; root only. */
export function defaultTlsFiles(dataDir: string): TlsFiles {
  const file = (name: string) => join(dataDir, 'server', 'tls', 'etcd', name)
  return { caFile: file('server-ca.crt'), certFile: file('client.crt'), keyFile: file('client.key') }
}

/** The CA that signed the apiservers' certificates, on every server. */
export const serverCaFile = (dataDir: string): string => join(dataDir, 'server', 'tls', 'server-ca.crt')

/**
 * What a node without the key looks like from its data directory; `undefined` for a server with embedded etcd, and
 * where there is nothing to tell by. A server's first seconds can look the same, so it is a hint and no verdict.
 */
export function nodeHint(dataDir: string): string | undefined {
  const { existsSync } = process.getBuiltinModule('node:fs')
  const has = (...path: string[]) => existsSync(join(dataDir, ...path))
  if (!existsSync(dataDir)) {
    return `${dataDir} does not exist: either the server was never started, or its data directory is another one`
  }
  if (has('agent') && !has('server')) {
    return (
      `${dataDir} has agent/ and no server/: this looks like an agent node, which holds no etcd certificates; ` +
      `run on a server, or give endpoints and tls`
    )
  }
  // kine (sqlite or an external database) serves Kubernetes alone: the server never writes the key there.
  if (!has('server', 'db', 'etcd') && (has('server', 'db', 'state.db') || has('server', 'kine.sock'))) {
    return (
      `${dataDir}/server has a kine datastore (sqlite or an external database) and no db/etcd: there the key does not ` +
      `exist; run on a server with embedded etcd, or give endpoints and tls`
    )
  }
  return undefined
}
