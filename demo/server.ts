import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { Etcd3 } from 'etcd3'
import { unusedPort } from '../test/support/net.ts'
import { runEtcd } from './etcd.ts'
import type { EtcdProgram } from './etcd.ts'
import { createCertificates, etcdConfig } from './rke2-files.ts'

/** The part of a booting RKE2 server that concerns the key with the addresses of the apiservers. */
export interface Server extends AsyncDisposable {
  readonly dataDir: string
  readonly endpoint: string
  readonly key: string
  writeCertificates(): Promise<void>
  /**
   * Resolves when the process of etcd runs, with what stops it. `onExit` is called with its last line if it exits by
   * itself.
   */
  startEtcd(onExit: (lastLine: string) => void): Promise<AsyncDisposable>
  /** Connects the server to etcd, and resolves with a function that writes the key. */
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

    async startEtcd(onExit) {
      await mkdir(dirname(configFile), { recursive: true, mode: 0o700 })
      await writeFile(configFile, etcdConfig({ dataDir, tlsDir, listenHost: program.listenHost, clientPort, peerPort }))
      return disposables.use(runEtcd(program.commandLine(configFile, dataDir, clientPort), onExit))
    },

    async openWriter() {
      const client = disposables.adopt(await createClient(endpoint, tlsDir), (opened) => opened.close())
      await client.get(key) // etcd3 connects with its first request
      return async (value) => void (await client.put(key).value(value))
    },

    [Symbol.asyncDispose]: () => disposables.disposeAsync(),
  }
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
    // An IP address is not a valid TLS server name.
    grpcOptions: { 'grpc.ssl_target_name_override': 'localhost', 'grpc.enable_http_proxy': 0 },
    defaultCallOptions: () => ({ deadline: Date.now() + 3000 }),
  })
}
