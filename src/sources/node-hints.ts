import { basename, dirname, join } from 'node:path'
import type { Distribution } from '../rke2.ts'
import { etcdDataDir, etcdLoadBalancerFile, kubeProxyFiles } from '../rke2.ts'
import { exists } from '../util/exists.ts'

const otherSource = "set source: 'kubernetes'"

/** The data directory that a hint is about. */
export interface NodeFolder {
  readonly dataDir: string
  /** Whether it is the option `dataDir`, and not the default of the distribution. */
  readonly isDataDirGiven: boolean
}

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
export async function etcdNodeHint(node: NodeFolder, waitedMs: number): Promise<string | undefined> {
  const { dataDir } = node
  const has = (...path: string[]) => exists(join(dataDir, ...path))
  if (!(await has())) return missingFolderHint(node, 'the server')
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
export async function undecidedNodeHint(node: NodeFolder): Promise<string | undefined> {
  if (!(await exists(node.dataDir))) return missingFolderHint(node, 'RKE2 or K3s')
  return 'on its first boot, an agent has its certificates only when an apiserver works, which takes up to a minute'
}

/** Resolves with why a node does not have the files that read the list from an apiserver, and what to do. */
export async function agentNodeHint(node: NodeFolder): Promise<string | undefined> {
  return (await exists(kubeProxyFiles(node.dataDir).keyFile)) ? undefined : undecidedNodeHint(node)
}

/** Resolves with the folder of the other distribution, if that one exists, or with why the data directory may not. */
async function missingFolderHint({ dataDir, isDataDirGiven }: NodeFolder, program: string): Promise<string> {
  const other = otherDistributions[basename(dataDir)]
  const sibling = join(dirname(dataDir), other ?? '')
  if (other === undefined || !(await exists(sibling))) {
    return `${dataDir} does not exist: either ${program} was never started, or it uses another data directory`
  }
  const advice = isDataDirGiven ? `dataDir: '${sibling}'` : `distribution: '${other}'`
  return `${dataDir} does not exist, and ${sibling} does: set ${advice}`
}

const otherDistributions: Readonly<Record<string, Distribution>> = { rke2: 'k3s', k3s: 'rke2' }
