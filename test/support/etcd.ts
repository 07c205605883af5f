import { mkdtemp } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { getContainerRuntimeClient } from 'testcontainers'
import { createAuthority } from './certificates.ts'
import { EtcdCluster } from './etcd-cluster.ts'
import type { DockerNetwork, EtcdOptions } from './etcd-config.ts'

export type { EtcdCluster } from './etcd-cluster.ts'
export type { EtcdMember } from './etcd-member.ts'
export type { SnapshotFile } from './etcd-snapshot.ts'

const ownLabel = 'rke2-apiserver-resolver.test'
const runPid = process.env['TEST_RUN_PID'] ?? String(process.pid)
const labels = { [`${ownLabel}.host`]: hostname(), [`${ownLabel}.pid`]: runPid }

/** Starts an etcd cluster in containers, with its own certificate authority. Resolves when it is ready. */
export async function startEtcd(options: EtcdOptions = {}): Promise<EtcdCluster> {
  const image = options.image ?? process.env['ETCD_IMAGE']
  if (!image) throw new Error('ETCD_IMAGE names no etcd image to test with; "npm test" chooses one')

  const runtime = await getContainerRuntimeClient()
  const network: DockerNetwork = await runtime.container.dockerode.createNetwork({
    Name: `${ownLabel}-${crypto.randomUUID()}`,
    Labels: labels,
  })
  const authority = await createAuthority('etcd-server-ca')
  const dataDir = await mkdtemp(join(tmpdir(), `${ownLabel}.${runPid}.`))
  const cluster = new EtcdCluster({ ...options, image, labels, runtime, network, authority, dataDir })
  try {
    await cluster.writeClientFiles(await authority.issue({ commonName: 'etcd-client', usages: ['client'] }))
    await cluster.startMembers(options.members ?? 1)
    return cluster
  } catch (error) {
    await cluster[Symbol.asyncDispose]()
    throw error
  }
}
