import { join } from 'node:path'
import type { Distribution } from '../rke2.ts'
import { etcdDataDir, etcdLoadBalancerFile, kubeProxyFiles } from '../rke2.ts'
import { exists } from '../util/exists.ts'
import type { Failure } from './failure.ts'

const otherSource = "set source: 'kubernetes'"

/** After this time without etcd, a server may be one of the past. */
const formerServerMs = 60_000

/**
 * Resolves with why this node may not have the key, and what to do, if its data directory shows a cause.
 *
 * It is only a hint: in the first seconds of its first start, a server with embedded etcd can look the same.
 *
 * @param waitedMs how long the call has waited for this node
 * @throws NodeJS.ErrnoException if the file system does not say, such as without permission
 */
export async function etcdNodeHint(dataDir: string, waitedMs: number): Promise<string | undefined> {
  const has = (...path: string[]) => exists(join(dataDir, ...path))
  if (!(await has())) {
    return `${dataDir} does not exist: either the server was never started, or it uses another data directory`
  }
  if ((await has('agent')) && !(await has('server'))) {
    return (
      `${dataDir} has agent/ and no server/: this looks like an agent node, which holds no etcd certificates; ` +
      `${otherSource}, run on a server, or give endpoints and tls`
    )
  }
  if (await exists(etcdDataDir(dataDir))) {
    const mayBeAgent = waitedMs >= formerServerMs && (await exists(kubeProxyFiles(dataDir).keyFile))
    return mayBeAgent ? `if this node was a server once, and is an agent now, ${otherSource}` : undefined
  }
  // K3s writes the key only to embedded etcd, and never through kine (k3s-io/k3s#5388).
  if ((await has('server', 'db', 'state.db')) || (await has('server', 'kine.sock'))) {
    return (
      `${dataDir}/server has a kine datastore (sqlite or an external database) and no db/etcd: there the key does not ` +
      `exist; ${otherSource}, or run on a server with embedded etcd, or give endpoints and tls`
    )
  }
  // A Pod in which only the certificates are mounted has no cred/.
  const isServer = (await has('server', 'cred')) && (await has('server', 'tls', 'etcd', 'client.key'))
  if (isServer && !(await hasEtcdLoadBalancer(dataDir))) {
    return (
      `${dataDir}/server has no db/etcd: either this is the server's first start, or its datastore is external ` +
      `(--datastore-endpoint), and there the key does not exist; ${otherSource}, or run on a server with embedded ` +
      `etcd, or give endpoints and tls`
    )
  }
  return undefined
}

async function hasEtcdLoadBalancer(dataDir: string): Promise<boolean> {
  const has = (distribution: Distribution) => exists(etcdLoadBalancerFile(dataDir, distribution))
  return (await has('rke2')) || (await has('k3s'))
}

/** Resolves with what to do on a node where nothing says yet where to read. */
export async function undecidedNodeHint(dataDir: string): Promise<string | undefined> {
  if (!(await exists(dataDir))) {
    return `${dataDir} does not exist: either RKE2 or K3s was never started, or it uses another data directory`
  }
  return 'on its first boot, an agent has its certificates only when an apiserver works, which takes up to a minute'
}

/** Returns the look-up of what to do on a node that reads the list from an apiserver. */
export function agentNodeHint(failure: Failure, dataDir: string): Promise<string | undefined> | undefined {
  if (failure.reason === 'tls-files-missing') return missingFilesHint(dataDir)
  if (failure.reason !== 'unreachable') return undefined
  const { code } = Object(failure.cause) as { readonly code?: unknown }
  if (code === 'ECONNREFUSED') return Promise.resolve('nothing listens on this node: RKE2 or K3s is not running')
  if (code !== 'ECONNRESET') return undefined
  return Promise.resolve('the load balancer of this node has no server that answers')
}

async function missingFilesHint(dataDir: string): Promise<string | undefined> {
  return (await exists(kubeProxyFiles(dataDir).keyFile)) ? undefined : undecidedNodeHint(dataDir)
}
