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
import { readMetrics } from '../test/support/metrics.ts'
import type { Metrics } from '../test/support/metrics.ts'
import { unusedPort } from '../test/support/net.ts'
import { connect, get, put } from './baselines/wire.js'
import { running } from './process.ts'

export interface Tls {
  readonly ca: Buffer
  readonly cert: Buffer
  readonly key: Buffer
}

let found: Promise<EtcdProgram> | undefined
const find = () => (found ??= findEtcd(new AbortController().signal))

/** One etcd on this machine, by itself, on a port that stays the same. Its disk is memory where there is such a one. */
export class Etcd implements AsyncDisposable {
  readonly port: number
  readonly endpoint: string
  readonly tls: Tls | undefined
  readonly #program: EtcdProgram
  readonly #dataDir: string
  readonly #configFile: string
  #process: AsyncDisposable | undefined
  #client: Client | undefined

  private constructor(program: EtcdProgram, dataDir: string, port: number, tls: Tls | undefined) {
    this.#program = program
    this.#dataDir = dataDir
    this.#configFile = join(dataDir, 'etcd.json')
    this.port = port
    this.tls = tls
    // By name where there is TLS: grpc-js gives an address as server name too.
    this.endpoint = tls === undefined ? `http://127.0.0.1:${port}` : `https://localhost:${port}`
  }

  static async describe(): Promise<string> {
    return (await find()).description
  }

  /** @param secure with mutual TLS, as RKE2's */
  static async start({ secure = false } = {}): Promise<Etcd> {
    const program = await find()
    const memory = '/dev/shm'
    const dataDir = await mkdtemp(join(existsSync(memory) ? memory : tmpdir(), 'rke2-apiserver-resolver.bench.'))
    const tls = secure ? await issue(dataDir) : undefined
    const etcd = new Etcd(program, dataDir, await unusedPort(), tls)
    const peerUrl = `http://127.0.0.1:${await unusedPort()}`
    const { host } = new URL(etcd.endpoint)
    const files = { 'cert-file': join(dataDir, 'cert.pem'), 'key-file': join(dataDir, 'key.pem') }
    const config = {
      name: 'bench',
      'data-dir': join(dataDir, 'data'),
      'listen-client-urls': etcd.endpoint.replace(host, `${program.listenHost}:${etcd.port}`),
      'advertise-client-urls': etcd.endpoint,
      'listen-peer-urls': peerUrl,
      'initial-advertise-peer-urls': peerUrl,
      'initial-cluster': `bench=${peerUrl}`,
      logger: 'zap',
      'log-level': 'error',
      ...(secure && {
        'client-transport-security': { ...files, 'client-cert-auth': true, 'trusted-ca-file': join(dataDir, 'ca.pem') },
      }),
    }
    await writeFile(etcd.#configFile, JSON.stringify(config))
    await etcd.boot()
    return etcd
  }

  /** Starts it again, with the data that it had. Resolves when it answers. */
  async boot(): Promise<void> {
    const ended = Promise.withResolvers<never>()
    ended.promise.catch(() => {})
    const commandLine = this.#program.commandLine(this.#configFile, this.#dataDir, this.port)
    running.add(this)
    this.#process = runEtcd(commandLine, (words) => ended.reject(new Error(`etcd ended: ${words}`)))
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

  async get(key: string): Promise<string | undefined> {
    return (await get(this.#connected, key)).value
  }

  /** Waits, too, until etcd has done what it was at. */
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

async function issue(dataDir: string): Promise<Tls> {
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
  return { ca: Buffer.from(authority.cert), cert: Buffer.from(cert), key: Buffer.from(key) }
}

/** A value as RKE2 writes it. */
export function addresses(count: number): string {
  const list = Array.from({ length: count }, (_, i) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}:6443`)
  return `${JSON.stringify(list)}\n`
}
