import { chmod, mkdir, writeFile } from 'node:fs/promises'
import type { RequestListener } from 'node:http'
import { delimiter, join } from 'node:path'
import { findEtcd } from '../../demo/etcd.ts'
import { createServer } from '../../demo/server.ts'
import { startApiserver, writeServerCa } from '../../test/support/apiserver.ts'
import type { Apiserver } from '../../test/support/apiserver.ts'
import { createAuthority } from '../../test/support/certificates.ts'
import type { Authority } from '../../test/support/certificates.ts'

const root = join(import.meta.dirname, '..', '..')

/** A real etcd with RKE2's files, and three small TLS servers instead of apiservers. */
export interface Cluster extends AsyncDisposable {
  /** The version of etcd, and where it comes from. */
  readonly description: string
  readonly dataDir: string
  readonly endpoint: string
  /** The flags that make the command use this cluster. */
  readonly flags: readonly string[]
  /** The environment of the examples: this cluster, its kubeconfig, and the command on the PATH. */
  readonly env: NodeJS.ProcessEnv
  /** Sorted by address. */
  readonly apiservers: readonly [Apiserver, Apiserver, Apiserver]
  /** Writes a list with these apiservers, as RKE2 does. */
  readonly list: (...apiservers: readonly Apiserver[]) => Promise<void>
}

export async function startCluster(fail: (message: string) => void, signal: AbortSignal): Promise<Cluster> {
  const program = await findEtcd(signal)
  const disposables = new AsyncDisposableStack()
  const server = disposables.use(await createServer(program))
  const { dataDir, endpoint } = server
  await server.writeCertificates()
  await server.startEtcd((lastLine) => fail(`etcd exited: ${lastLine}`))

  const authority = await createAuthority('rke2-server-ca')
  await writeServerCa(dataDir, authority)
  const apiservers: Apiserver[] = []
  for (let n = 0; n < 3; n++) {
    apiservers.push(disposables.use(await startApiserver(authority, { answer: answerNodes })))
  }
  apiservers.sort((a, b) => (a.address < b.address ? -1 : 1))

  const kubeconfig = await writeKubeconfig(dataDir, authority)
  const bin = await writeCommand(dataDir)
  const put = await server.openWriter()
  return {
    description: program.description,
    dataDir,
    endpoint,
    flags: ['--data-dir', dataDir, '--endpoints', endpoint],
    env: {
      PATH: `${bin}${delimiter}${process.env['PATH'] ?? ''}`,
      // Without this, Node 22 prints a warning that it removes types.
      NODE_NO_WARNINGS: '1',
      RKE2_DATA_DIR: dataDir,
      ETCDCTL_ENDPOINTS: endpoint,
      KUBECONFIG: kubeconfig,
    },
    apiservers: apiservers as unknown as Cluster['apiservers'],
    list: (...each) => put(`${JSON.stringify(each.map(({ address }) => address))}\n`),
    [Symbol.asyncDispose]: () => disposables.disposeAsync(),
  }
}

/** Answers a request for the nodes with one node, and every other request with 401, as an apiserver does. */
const answerNodes: RequestListener = (request, response) => {
  if (request.url !== '/api/v1/nodes') {
    response.writeHead(401).end()
    return
  }
  const items = [{ metadata: { name: 'server-1' } }]
  response.writeHead(200, { 'content-type': 'application/json' })
  response.end(JSON.stringify({ kind: 'NodeList', apiVersion: 'v1', metadata: {}, items }))
}

/** Writes a kubeconfig like that of RKE2, whose server is always 127.0.0.1. Returns its path. */
async function writeKubeconfig(dataDir: string, authority: Authority): Promise<string> {
  const kubeconfig = join(dataDir, 'rke2.yaml')
  const cluster = {
    server: 'https://127.0.0.1:6443',
    'certificate-authority-data': Buffer.from(authority.cert).toString('base64'),
  }
  const content = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'default', cluster }],
    users: [{ name: 'default', user: { token: 'not-a-secret' } }],
    contexts: [{ name: 'default', context: { cluster: 'default', user: 'default' } }],
    'current-context': 'default',
  }
  await writeFile(kubeconfig, JSON.stringify(content))
  return kubeconfig
}

/** Writes the command as an executable. Returns its folder, for the PATH. */
async function writeCommand(dataDir: string): Promise<string> {
  const bin = join(dataDir, 'bin')
  const command = join(bin, 'rke2-apiserver-resolver')
  await mkdir(bin)
  await writeFile(command, `#!/bin/sh\nexec '${process.execPath}' '${join(root, 'dist', 'cli.js')}' "$@"\n`)
  await chmod(command, 0o755)
  return bin
}
