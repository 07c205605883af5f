import { mkdir, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Distribution } from '../../../src/rke2.ts'
import { agentLoadBalancerFiles, kubeProxyFiles } from '../../../src/rke2.ts'
import { createAuthority } from '../certificates.ts'
import type { KeyPair } from '../certificates.ts'
import type { ClusterAuthorities } from './fake-apiserver.ts'

/** Creates the authorities of a cluster. */
export async function createClusterAuthorities(): Promise<ClusterAuthorities> {
  return { server: await createAuthority('rke2-server-ca'), client: await createAuthority('rke2-client-ca') }
}

/** Returns a new certificate of kube-proxy. */
export const issueKubeProxy = ({ client }: ClusterAuthorities): Promise<KeyPair> =>
  client.issue({ commonName: 'system:kube-proxy', usages: ['client'] })

/** Writes the files with which a node connects to the apiservers. */
export async function writeNodeFiles(dataDir: string, authorities: ClusterAuthorities, pair?: KeyPair): Promise<void> {
  const { caFile, certFile, keyFile } = kubeProxyFiles(dataDir)
  const { cert, key } = pair ?? (await issueKubeProxy(authorities))
  await write(caFile, authorities.server.cert)
  await write(certFile, cert)
  await write(keyFile, key)
}

/** Writes the file in which the load balancer of an agent keeps its servers. */
export async function writeLoadBalancerFile(
  dataDir: string,
  distribution: Distribution,
  servers: readonly string[],
): Promise<void> {
  const [, file = ''] = agentLoadBalancerFiles(dataDir, distribution)
  await write(file, JSON.stringify({ ServerURL: 'https://10.0.0.1:9345', ServerAddresses: servers }))
}

export async function write(file: string, content: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, content, { mode: 0o600 })
}
