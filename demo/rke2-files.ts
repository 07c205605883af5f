import { join } from 'node:path'
import { createAuthority } from '../test/support/certificates.ts'

/** Creates RKE2's files of `server/tls/etcd`: two authorities and their certificates. */
export async function createCertificates(): Promise<Map<string, { content: string; mode: number }>> {
  const [serverAuthority, peerAuthority] = await Promise.all([
    createAuthority('etcd-server-ca'),
    createAuthority('etcd-peer-ca'),
  ])
  const hosts = { dnsNames: ['localhost'], ipAddresses: ['127.0.0.1', '::1'] }
  const pairs = {
    client: await serverAuthority.issue({ commonName: 'etcd-client', usages: ['client'] }),
    'server-client': await serverAuthority.issue({ commonName: 'etcd-server', ...hosts }),
    'peer-server-client': await peerAuthority.issue({ commonName: 'etcd-peer', ...hosts }),
  }
  return new Map([
    ['server-ca.crt', { content: serverAuthority.cert, mode: 0o644 }],
    ['peer-ca.crt', { content: peerAuthority.cert, mode: 0o644 }],
    ...Object.entries(pairs).flatMap(
      ([name, { cert, key }]) =>
        [
          [`${name}.crt`, { content: cert, mode: 0o644 }],
          [`${name}.key`, { content: key, mode: 0o600 }],
        ] as const,
    ),
  ])
}

interface EtcdSettings {
  readonly dataDir: string
  readonly tlsDir: string
  readonly listenHost: string
  readonly clientPort: number
  readonly peerPort: number
}

/** Returns the configuration file that RKE2 writes for etcd, as JSON, which is YAML, and with other ports. */
export function etcdConfig({ dataDir, tlsDir, listenHost, clientPort, peerPort }: EtcdSettings): string {
  const peerUrl = `https://127.0.0.1:${peerPort}`
  return JSON.stringify({
    name: 'demo',
    'data-dir': join(dataDir, 'server/db/etcd'),
    'listen-client-urls': `https://${listenHost}:${clientPort}`,
    'advertise-client-urls': `https://127.0.0.1:${clientPort}`,
    'listen-peer-urls': peerUrl,
    'initial-advertise-peer-urls': peerUrl,
    'initial-cluster': `demo=${peerUrl}`,
    'client-transport-security': {
      'cert-file': join(tlsDir, 'server-client.crt'),
      'key-file': join(tlsDir, 'server-client.key'),
      'client-cert-auth': true,
      'trusted-ca-file': join(tlsDir, 'server-ca.crt'),
    },
    'peer-transport-security': {
      'cert-file': join(tlsDir, 'peer-server-client.crt'),
      'key-file': join(tlsDir, 'peer-server-client.key'),
      'client-cert-auth': true,
      'trusted-ca-file': join(tlsDir, 'peer-ca.crt'),
    },
    'heartbeat-interval': 500,
    'election-timeout': 5000,
    'snapshot-count': 10000,
    logger: 'zap',
    'log-outputs': ['stderr'],
  })
}
