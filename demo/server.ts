import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { Etcd3 } from 'etcd3'
import { createAuthority } from '../test/support/certificates.ts'
import { unusedPort } from '../test/support/net.ts'
import { runEtcd } from './etcd.ts'
import type { EtcdProgram } from './etcd.ts'

/** What an RKE2 server does on its way up, as far as the key with the apiserver addresses is concerned. */
export interface Server extends AsyncDisposable {
  readonly dataDir: string
  readonly endpoint: string
  readonly key: string
  writeCertificates(): Promise<void>
  /** Returns as soon as etcd's process runs. `onEnd` hears of an etcd that ends by itself, with its last words. */
  startEtcd(onEnd: (lastWords: string) => void): Promise<void>
  /** Opens the server's own connection to etcd, and gives what writes the key through it. */
  openWriter(): Promise<(value: string) => Promise<void>>
}

export async function createServer(program: EtcdProgram): Promise<Server> {
  const key = 'rke2/apiaddresses'
  const clientPort = await unusedPort()
  const peerPort = await unusedPort()
  const disposables = new AsyncDisposableStack()
  const dataDir = await mkdtemp(join(tmpdir(), 'rke2-demo-'))
  disposables.defer(() => rm(dataDir, { recursive: true, force: true, maxRetries: 3 }))
  const endpoint = `https://127.0.0.1:${clientPort}`
  const tlsDir = join(dataDir, 'server/tls/etcd')
  const configFile = join(dataDir, 'server/db/etcd/config')

  return {
    dataDir,
    endpoint,
    key,

    async writeCertificates() {
      await mkdir(tlsDir, { recursive: true, mode: 0o700 })
      for (const [name, { content, mode }] of await createCertificates()) {
        await writeFile(join(tlsDir, name), content, { mode })
      }
    },

    async startEtcd(onEnd) {
      await mkdir(dirname(configFile), { recursive: true, mode: 0o700 })
      await writeFile(configFile, etcdConfig({ dataDir, tlsDir, listenHost: program.listenHost, clientPort, peerPort }))
      disposables.use(runEtcd(program.commandLine(configFile, dataDir, clientPort), onEnd))
    },

    async openWriter() {
      const client = disposables.adopt(await createClient(endpoint, tlsDir), (opened) => opened.close())
      await client.get(key) // it connects with its first call
      return async (value) => void (await client.put(key).value(value))
    },

    [Symbol.asyncDispose]: () => disposables.disposeAsync(),
  }
}

/** RKE2's files in server/tls/etcd, two authorities and their leaves. */
async function createCertificates(): Promise<Map<string, { content: string; mode: number }>> {
  const [serverAuthority, peerAuthority] = await Promise.all([
    createAuthority('etcd-server-ca'),
    createAuthority('etcd-peer-ca'),
  ])
  const reachedAt = { dnsNames: ['localhost'], ipAddresses: ['127.0.0.1', '::1'] }
  const pairs = {
    client: await serverAuthority.issue({ commonName: 'etcd-client', usages: ['client'] }),
    'server-client': await serverAuthority.issue({ commonName: 'etcd-server', ...reachedAt }),
    'peer-server-client': await peerAuthority.issue({ commonName: 'etcd-peer', ...reachedAt }),
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

interface Settings {
  readonly dataDir: string
  readonly tlsDir: string
  readonly listenHost: string
  readonly clientPort: number
  readonly peerPort: number
}

/** The configuration file RKE2 gives etcd (JSON is YAML), but for ports that are free. */
function etcdConfig({ dataDir, tlsDir, listenHost, clientPort, peerPort }: Settings): string {
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

async function createClient(endpoint: string, tlsDir: string): Promise<Etcd3> {
  const pem = (name: string) => readFile(join(tlsDir, name))
  return new Etcd3({
    hosts: endpoint,
    credentials: {
      rootCertificate: await pem('server-ca.crt'),
      certChain: await pem('client.crt'),
      privateKey: await pem('client.key'),
    },
    // An IP address cannot be a TLS server name.
    grpcOptions: { 'grpc.ssl_target_name_override': 'localhost', 'grpc.enable_http_proxy': 0 },
    defaultCallOptions: () => ({ deadline: Date.now() + 3000 }),
  })
}
