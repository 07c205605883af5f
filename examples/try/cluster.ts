import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { findEtcd } from '../../demo/etcd.ts'
import { createServer } from '../../demo/server.ts'
import { startApiserver, writeServerCa } from '../../test/support/apiserver.ts'
import type { Apiserver } from '../../test/support/apiserver.ts'
import { createAuthority } from '../../test/support/certificates.ts'

const root = join(import.meta.dirname, '..', '..')

/** A real etcd with RKE2's files, and a small TLS server in the place of each apiserver. */
export interface Cluster extends AsyncDisposable {
  readonly description: string
  readonly dataDir: string
  readonly endpoint: string
  /** Flags that lead the command to this cluster. */
  readonly flags: readonly string[]
  /** For the examples: where this cluster is, a kubeconfig, and the command on the PATH. */
  readonly env: NodeJS.ProcessEnv
  /** Sorted by address. */
  readonly apiservers: readonly [Apiserver, Apiserver, Apiserver]
  /** Writes the list as RKE2 does. */
  readonly list: (...apiservers: readonly Apiserver[]) => Promise<void>
}

export async function startCluster(fail: (message: string) => void, signal: AbortSignal): Promise<Cluster> {
  const program = await findEtcd(signal)
  const disposables = new AsyncDisposableStack()
  const server = disposables.use(await createServer(program))
  const { dataDir, endpoint } = server
  await server.writeCertificates()
  await server.startEtcd((lastWords) => fail(`etcd has ended: ${lastWords}`))

  const authority = await createAuthority('rke2-server-ca')
  await writeServerCa(dataDir, authority)
  const apiservers: Apiserver[] = []
  for (let n = 0; n < 3; n++) {
    const apiserver = await startApiserver(authority, {
      answer: (request, response) => {
        if (request.url !== '/api/v1/nodes') {
          response.writeHead(401).end()
          return
        }
        const items = [{ metadata: { name: 'server-1' } }]
        response.writeHead(200, { 'content-type': 'application/json' })
        response.end(JSON.stringify({ kind: 'NodeList', apiVersion: 'v1', metadata: {}, items }))
      },
    })
    apiservers.push(disposables.use(apiserver))
  }
  apiservers.sort((a, b) => (a.address < b.address ? -1 : 1))

  // As RKE2's own, whose server is always 127.0.0.1.
  const kubeconfig = join(dataDir, 'rke2.yaml')
  const [cluster, user] = [{ server: 'https://127.0.0.1:6443' }, { token: 'not-a-secret' }]
  const ca = Buffer.from(authority.cert).toString('base64')
  await writeFile(
    kubeconfig,
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'default', cluster: { ...cluster, 'certificate-authority-data': ca } }],
      users: [{ name: 'default', user }],
      contexts: [{ name: 'default', context: { cluster: 'default', user: 'default' } }],
      'current-context': 'default',
    }),
  )
  const bin = join(dataDir, 'bin')
  const command = join(bin, 'rke2-apiserver-resolver')
  await mkdir(bin)
  await writeFile(command, `#!/bin/sh\nexec '${process.execPath}' '${join(root, 'dist', 'cli.js')}' "$@"\n`)
  await chmod(command, 0o755)

  const put = await server.openWriter()
  return {
    description: program.description,
    dataDir,
    endpoint,
    flags: ['--data-dir', dataDir, '--endpoints', endpoint],
    env: {
      PATH: `${bin}${delimiter}${process.env['PATH'] ?? ''}`,
      // Node 22 warns that it strips types.
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
