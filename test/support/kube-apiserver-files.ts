import { generateKeyPairSync } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { ClientTlsFiles } from '../../src/rke2.ts'
import { createAuthority } from './certificates.ts'
import type { Authority, CertificateRequest, KeyPair } from './certificates.ts'

/** The certificates and keys of a control plane, as RKE2 makes them. All of its apiservers use the same files. */
export interface KubeApiserverFiles {
  /** The folder of the files of the server, of which apiservers need all. */
  readonly serverDir: string
  /** The data directory of an agent: its files are in `agent`, and there is no `server`. */
  readonly agentDataDir: string
  /** The CA and kube-proxy's client certificate in {@link agentDataDir}. */
  readonly kubeProxy: ClientTlsFiles
  /** Signs the certificates of the apiservers. */
  readonly serverAuthority: Authority
  /** Signs the certificates of the clients. */
  readonly clientAuthority: Authority
  /** The client certificate with all rights. */
  readonly admin: KeyPair
  /**
   * Replaces the certificate of the apiservers, which read the files again when they change.
   *
   * @param authority signs the certificate
   */
  writeServing(authority: Authority, validity?: Validity): Promise<void>
  /** Replaces kube-proxy's client certificate, as a restart of the agent does. */
  renewKubeProxy(validity?: Validity): Promise<void>
  /** Writes the servers, as "host:port", that the load balancer of the agent keeps for its next start. */
  writeLoadBalancerServers(servers: readonly string[]): Promise<void>
}

type Validity = Pick<CertificateRequest, 'notBefore' | 'notAfter'>

/** The hosts of an apiserver, for its certificate: its advertised addresses, and those that it listens on. */
export interface KubeApiserverHosts {
  readonly ipAddresses: readonly string[]
}

/** Creates the files in a folder. */
export async function writeKubeApiserverFiles(
  folder: string,
  { ipAddresses }: KubeApiserverHosts,
): Promise<KubeApiserverFiles> {
  const serverAuthority = await createAuthority('rke2-server-ca')
  const clientAuthority = await createAuthority('rke2-client-ca')
  const serving: CertificateRequest = {
    commonName: 'kube-apiserver',
    dnsNames: ['kubernetes', 'kubernetes.default', 'kubernetes.default.svc', 'localhost'],
    ipAddresses: ['127.0.0.1', '::1', '10.43.0.1', ...ipAddresses],
    usages: ['server'],
  }
  const kubeProxy: CertificateRequest = { commonName: 'system:kube-proxy', usages: ['client'] }
  const admin = await clientAuthority.issue({
    commonName: 'system:admin',
    organization: 'system:masters',
    usages: ['client'],
  })
  const tokens = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  })

  const serverDir = join(folder, 'server')
  const agentDataDir = join(folder, 'agent-node')
  const agentFile = (name: string) => join(agentDataDir, 'agent', name)
  const files = {
    caFile: agentFile('server-ca.crt'),
    certFile: agentFile('client-kube-proxy.crt'),
    keyFile: agentFile('client-kube-proxy.key'),
  }
  const contents: Readonly<Record<string, string>> = {
    [join(serverDir, 'client-ca.crt')]: clientAuthority.cert,
    [join(serverDir, 'service.pub')]: tokens.publicKey,
    [join(serverDir, 'service.key')]: tokens.privateKey,
    [files.caFile]: serverAuthority.cert,
  }
  const writePair = async (certFile: string, keyFile: string, { cert, key }: KeyPair) => {
    await write(certFile, cert)
    await write(keyFile, key)
  }
  for (const [file, content] of Object.entries(contents)) await write(file, content)
  const written: KubeApiserverFiles = {
    serverDir,
    agentDataDir,
    kubeProxy: files,
    serverAuthority,
    clientAuthority,
    admin,
    async writeServing(authority, validity) {
      const pair = await authority.issue({ ...serving, ...validity })
      const file = (extension: string) => join(serverDir, `serving-kube-apiserver.${extension}`)
      await writePair(file('crt'), file('key'), pair)
    },
    async renewKubeProxy(validity) {
      await writePair(files.certFile, files.keyFile, await clientAuthority.issue({ ...kubeProxy, ...validity }))
    },
    writeLoadBalancerServers(servers) {
      const content = { ServerURL: `https://${servers[0]}`, ServerAddresses: servers }
      return write(agentFile('etc/rke2-api-server-agent-load-balancer.json'), JSON.stringify(content))
    },
  }
  await written.writeServing(serverAuthority)
  await written.renewKubeProxy()
  return written
}

async function write(file: string, content: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, content, { mode: 0o600 })
}
