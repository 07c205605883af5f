import type { ContainerRuntimeClient } from 'testcontainers'
import type { Authority, KeyPair } from './certificates.ts'

export type DockerNetwork = ReturnType<ContainerRuntimeClient['network']['getById']>

/** How etcd is started. */
export interface EtcdOptions {
  /** The container image. @default the image of the vitest project */
  readonly image?: string
  /** @default 1 */
  readonly members?: 1 | 3
  /** Whether the client port requires certificates on both sides, or is plain HTTP. @default 'mutual' */
  readonly tls?: 'mutual' | 'none'
  /** Uses the heartbeat interval and the election timeout of RKE2. @default false: elections are quick */
  readonly rke2Flags?: boolean
  /** More settings, named as in etcd's configuration file. */
  readonly config?: EtcdConfig
}

export type EtcdConfig = Readonly<Record<string, unknown>>

/** What the members of a cluster share. */
export interface ClusterContext extends EtcdOptions {
  readonly image: string
  /** The labels of everything that is created in the container engine. */
  readonly labels: Readonly<Record<string, string>>
  readonly runtime: ContainerRuntimeClient
  readonly network: DockerNetwork
  readonly authority: Authority
  readonly dataDir: string
}

/** The folder of etcd's files in the container. */
export const etcdFolder = '/etc/etcd'
export const clientPort = 2379
/** A second client port, in plain HTTP, for the requests of the test itself. Faults of the first do not affect it. */
export const adminPort = 2378

interface Member {
  readonly name: string
  readonly endpoint: string
  readonly peerUrl: string
}

/** Returns the configuration file of a member. */
export function etcdConfig(
  member: Member,
  cluster: readonly Member[],
  state: 'new' | 'existing',
  { config, members = 1, rke2Flags, tls }: ClusterContext,
): EtcdConfig {
  const scheme = tls === 'none' ? 'http' : 'https'
  return {
    name: member.name,
    'data-dir': '/data',
    'listen-client-urls': `${scheme}://0.0.0.0:${clientPort},http://0.0.0.0:${adminPort}`,
    'advertise-client-urls': member.endpoint,
    'listen-peer-urls': 'http://0.0.0.0:2380',
    'initial-advertise-peer-urls': member.peerUrl,
    'initial-cluster': cluster.map(({ name, peerUrl }) => `${name}=${peerUrl}`).join(','),
    'initial-cluster-state': state,
    'enable-grpc-gateway': true, // off by default in a file, on by default in flags
    'strict-reconfig-check': false, // otherwise, no member can be added in the first 5 s
    'bcrypt-cost': 4,
    logger: 'zap',
    ...(members === 1 && { 'heartbeat-interval': 20, 'election-timeout': 200 }), // a single member elects itself
    ...(rke2Flags && { 'heartbeat-interval': 500, 'election-timeout': 5000 }),
    ...(tls !== 'none' && {
      'client-transport-security': {
        'cert-file': `${etcdFolder}/server.crt`,
        'key-file': `${etcdFolder}/server.key`,
        'client-cert-auth': true,
        'trusted-ca-file': `${etcdFolder}/ca.crt`,
      },
    }),
    ...config,
  }
}

/** A file that is written into the container. */
export interface ContainerFile {
  readonly content: string
  readonly target: string
}

export function configFile(config: EtcdConfig): ContainerFile {
  return { content: JSON.stringify(config), target: `${etcdFolder}/etcd.json` }
}

export function serverCertificateFiles(pair: KeyPair): ContainerFile[] {
  return [
    { content: pair.cert, target: `${etcdFolder}/server.crt` },
    { content: pair.key, target: `${etcdFolder}/server.key` },
  ]
}

/** The file with the CAs of the accepted clients. */
export function clientCaFile(authorities: string): ContainerFile {
  return { content: authorities, target: `${etcdFolder}/ca.crt` }
}
