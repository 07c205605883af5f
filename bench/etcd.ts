import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import http from 'node:http'
import https from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from '@grpc/grpc-js'
import { findEtcd, runEtcd } from '../demo/etcd.ts'
import type { EtcdProgram } from '../demo/etcd.ts'
import { createAuthority } from '../test/support/certificates.ts'
import type { Authority } from '../test/support/certificates.ts'
import { readMetrics } from '../test/support/metrics.ts'
import type { Metrics } from '../test/support/metrics.ts'
import { unusedPort } from '../test/support/net.ts'
import { connect, get, put } from './baselines/support/etcd-client.js'
import { running } from './processes.ts'

export interface Tls {
  readonly authority: Authority
  readonly ca: Buffer
  readonly cert: Buffer
  readonly key: Buffer
}

let program: Promise<EtcdProgram> | undefined
const findOnce = () => (program ??= findEtcd(new AbortController().signal))

/** An etcd with one member, on this machine and on a fixed port. Its data is in memory where there is `/dev/shm`. */
export class Etcd implements AsyncDisposable {
  readonly port: number
  readonly endpoint: string
  readonly tls: Tls | undefined
  /** The folder of `ca.pem`, and of `cert.pem` and `key.pem`, which server and client share. */
  readonly tlsFolder: string
  readonly #program: EtcdProgram
  readonly #dataDir: string
  readonly #configFile: string
  #process: AsyncDisposable | undefined
  #client: Client | undefined

  private constructor(found: EtcdProgram, dataDir: string, port: number, tls: Tls | undefined) {
    this.#program = found
    this.#dataDir = dataDir
    this.tlsFolder = dataDir
    this.#configFile = join(dataDir, 'etcd.json')
    this.port = port
    this.tls = tls
    // With TLS, a name: grpc-js would send an IP address as the TLS server name.
    this.endpoint = tls === undefined ? `http://127.0.0.1:${port}` : `https://localhost:${port}`
  }

  /** Returns the version of etcd and where it comes from. */
  static async describe(): Promise<string> {
    return (await findOnce()).description
  }

  /** @param secure whether etcd requires mutual TLS, as the etcd of RKE2 does */
  static async start({ secure = false } = {}): Promise<Etcd> {
    const found = await findOnce()
    const memory = '/dev/shm'
    const dataDir = await mkdtemp(join(existsSync(memory) ? memory : tmpdir(), 'rke2-apiserver-resolver.bench.'))
    const tls = secure ? await writeCertificates(dataDir) : undefined
    const etcd = new Etcd(found, dataDir, await unusedPort(), tls)
    await etcd.#writeConfig()
    await etcd.boot()
    return etcd
  }

  async #writeConfig(): Promise<void> {
    const memberUrl = `http://127.0.0.1:${await unusedPort()}`
    const { host } = new URL(this.endpoint)
    const file = (name: string) => join(this.#dataDir, name)
    const config = {
      name: 'bench',
      'data-dir': file('data'),
      'listen-client-urls': this.endpoint.replace(host, `${this.#program.listenHost}:${this.port}`),
      'advertise-client-urls': this.endpoint,
      'listen-peer-urls': memberUrl,
      'initial-advertise-peer-urls': memberUrl,
      'initial-cluster': `bench=${memberUrl}`,
      logger: 'zap',
      'log-level': 'error',
      ...(this.tls !== undefined && {
        'client-transport-security': {
          'cert-file': file('cert.pem'),
          'key-file': file('key.pem'),
          'client-cert-auth': true,
          'trusted-ca-file': file('ca.pem'),
        },
      }),
    }
    await writeFile(this.#configFile, JSON.stringify(config))
  }

  /** Starts etcd with the data that it had before. Resolves when it answers. */
  async boot(): Promise<void> {
    const ended = Promise.withResolvers<never>()
    ended.promise.catch(() => {})
    const commandLine = this.#program.commandLine(this.#configFile, this.#dataDir, this.port)
    running.add(this)
    this.#process = runEtcd(commandLine, (lastLine) => ended.reject(new Error(`etcd exited: ${lastLine}`)))
    this.#client = connect(this.endpoint, fastReconnect, this.tls)
    await Promise.race([get(this.#connected, '-'), ended.promise])
  }

  get #connected(): Client {
    if (this.#client === undefined) throw new Error('etcd was not started')
    return this.#client
  }

  async stop(): Promise<void> {
    running.delete(this)
    this.#client?.close()
    await this.#process?.[Symbol.asyncDispose]()
  }

  async put(key: string, value: string): Promise<void> {
    await put(this.#connected, key, value)
  }

  /** Reads /metrics, 50 ms later, so that etcd has finished its current work. */
  async metrics(): Promise<Metrics> {
    await sleep(50)
    const request = (this.tls === undefined ? http : https).get(`${this.endpoint}/metrics`, {
      ...this.tls,
      agent: false,
    })
    const [response] = (await once(request, 'response')) as [http.IncomingMessage]
    return readMetrics((await response.setEncoding('utf8').toArray()).join(''))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
    await rm(this.#dataDir, { recursive: true, force: true })
  }
}

const fastReconnect = { 'grpc.initial_reconnect_backoff_ms': 20, 'grpc.max_reconnect_backoff_ms': 20 }

async function writeCertificates(dataDir: string): Promise<Tls> {
  const authority = await createAuthority()
  const { cert, key } = await authority.issue({
    commonName: 'bench',
    dnsNames: ['localhost'],
    ipAddresses: ['127.0.0.1'],
  })
  await Promise.all([
    writeFile(join(dataDir, 'ca.pem'), authority.cert),
    writeFile(join(dataDir, 'cert.pem'), cert),
    writeFile(join(dataDir, 'key.pem'), key),
  ])
  return { authority, ca: Buffer.from(authority.cert), cert: Buffer.from(cert), key: Buffer.from(key) }
}

/** Returns a stored value with this many addresses, as RKE2 writes it. */
export function storedList(count: number): string {
  const list = Array.from({ length: count }, (_, i) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}:6443`)
  return `${JSON.stringify(list)}\n`
}
