import { join } from 'node:path'
import { isForbidden } from './util/permission.ts'

/**
 * The paths of the PEM files for `https://` endpoints. `certFile` and `keyFile` are given together, or not at all.
 *
 * etcd in RKE2 and K3s requires a client certificate (`client-cert-auth`).
 */
export interface TlsFiles {
  /** The path of the CA certificates that the server certificate is verified with: one or several in one file. */
  readonly caFile: string
  /** The path of the client certificate. @default none */
  readonly certFile?: string | undefined
  /** The path of the private key of the client certificate. @default none */
  readonly keyFile?: string | undefined
}

/** The paths of PEM files with a client certificate. @internal */
export interface ClientTlsFiles extends TlsFiles {
  readonly certFile: string
  readonly keyFile: string
}

/** The Kubernetes distribution. RKE2 is built on K3s, and uses the same names with its own program name in them. */
export type Distribution = 'rke2' | 'k3s'

/** Returns the data directory of a distribution whose flag `--data-dir` is not set. */
export const defaultDataDir = (distribution: Distribution): string => `/var/lib/rancher/${distribution}`

/**
 * Returns the etcd key of the list, which K3s calls `AddressKey`. It has no leading slash and is not below
 * `/registry/`.
 */
export const defaultKey = (distribution: Distribution): string => `${distribution}/apiaddresses`

/**
 * The client URLs of etcd on every server. One is that of the server's own etcd member or, on a server without etcd
 * (`disable-etcd`), of K3s's load balancer to the members. If the first service network is IPv6, K3s listens on `[::1]`
 * and not on 127.0.0.1 (`Control.Loopback` in K3s).
 */
export const defaultEndpoints: readonly string[] = ['https://127.0.0.1:2379', 'https://[::1]:2379']

/** Returns the files that the server itself uses as a client of etcd. Only root can read the key. */
export function defaultTlsFiles(dataDir: string): ClientTlsFiles {
  const file = (name: string) => join(dataDir, 'server', 'tls', 'etcd', name)
  return { caFile: file('server-ca.crt'), certFile: file('client.crt'), keyFile: file('client.key') }
}

/** Returns the file with the CA that signed the certificates of the apiservers. Every server has it. */
export const serverCaFile = (dataDir: string): string => join(dataDir, 'server', 'tls', 'server-ca.crt')

/**
 * Resolves with why this node may not have the key, and what to do, if its data directory shows a cause.
 *
 * It is only a hint: in the first seconds of its first start, a server with embedded etcd can look the same. Never
 * rejects: without permission to look, there is no hint.
 */
export async function nodeHint(dataDir: string): Promise<string | undefined> {
  return describeNode(dataDir).catch(() => undefined)
}

async function describeNode(dataDir: string): Promise<string | undefined> {
  const has = (...path: string[]) => exists(join(dataDir, ...path))
  if (!(await has())) {
    return `${dataDir} does not exist: either the server was never started, or it uses another data directory`
  }
  if ((await has('agent')) && !(await has('server'))) {
    return (
      `${dataDir} has agent/ and no server/: this looks like an agent node, which holds no etcd certificates; ` +
      `run on a server, or give endpoints and tls`
    )
  }
  if (await has('server', 'db', 'etcd')) return undefined
  // K3s writes the key only to embedded etcd, and never through kine (k3s-io/k3s#5388).
  if ((await has('server', 'db', 'state.db')) || (await has('server', 'kine.sock'))) {
    return (
      `${dataDir}/server has a kine datastore (sqlite or an external database) and no db/etcd: there the key does not ` +
      `exist; run on a server with embedded etcd, or give endpoints and tls`
    )
  }
  // A server without etcd in a cluster with embedded etcd has a load balancer to its members. A Pod in which only the
  // certificates are mounted has no cred/.
  const hasLoadBalancer =
    (await has('server', 'etc', 'rke2-etcd-server-load-balancer.json')) ||
    (await has('server', 'etc', 'k3s-etcd-server-load-balancer.json'))
  const isServer = (await has('server', 'cred')) && (await has('server', 'tls', 'etcd', 'client.key'))
  if (isServer && !hasLoadBalancer) {
    return (
      `${dataDir}/server has no db/etcd: either this is the server's first start, or its datastore is external ` +
      `(--datastore-endpoint), and there the key does not exist; run on a server with embedded etcd, or give endpoints ` +
      `and tls`
    )
  }
  return undefined
}

/** @throws NodeJS.ErrnoException if the file system does not say, such as without permission */
async function exists(path: string): Promise<boolean> {
  if (isForbidden(path)) throw new Error(`${path} must not be read`)
  try {
    await process.getBuiltinModule('node:fs').promises.access(path)
    return true
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return false
    throw error
  }
}
