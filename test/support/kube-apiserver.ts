import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventually, TemporaryError } from './etcd-gateway.ts'
import { KubeAdmin } from './kube-apiserver-client.ts'
import { writeKubeApiserverFiles } from './kube-apiserver-files.ts'
import type { KubeApiserverFiles } from './kube-apiserver-files.ts'
import type { RestartableProgram } from './kube-apiserver-process.ts'
import { folderPrefix, programOf } from './kube-apiserver-program.ts'
import type { KubeApiserverContext, KubeControlPlaneOptions } from './kube-apiserver-program.ts'
import { unusedPort } from './net.ts'

/** A start takes 4 s of CPU time, and several start at once on a machine that may be busy. */
const longestStartMs = 90_000

/** Real kube-apiservers on one etcd. They share certificates and the port, as on the servers of a cluster. */
export class KubeControlPlane implements AsyncDisposable {
  readonly files: KubeApiserverFiles
  readonly apiservers: readonly KubeApiserver[]
  readonly #folder: string

  private constructor(folder: string, files: KubeApiserverFiles, apiservers: readonly KubeApiserver[]) {
    this.#folder = folder
    this.files = files
    this.apiservers = apiservers
  }

  /**
   * Prepares an apiserver for each address, and starts none. The one that advertises 10.0.0.11 listens on 127.0.0.11,
   * because a list has one port for all of its addresses.
   */
  static async create(options: KubeControlPlaneOptions): Promise<KubeControlPlane> {
    const { advertise = ['10.0.0.11'] } = options
    const folder = await mkdtemp(join(tmpdir(), folderPrefix))
    const port = await unusedPort()
    const hosts = advertise.map((address) => ({ address, listenHost: address.replace(/^.*\./, '127.0.0.') }))
    const files = await writeKubeApiserverFiles(folder, {
      ipAddresses: hosts.flatMap(({ address, listenHost }) => [address, listenHost]),
    })
    const apiservers = hosts.map((host) => new KubeApiserver({ ...options, ...host, port, folder, files }))
    return new KubeControlPlane(folder, files, apiservers)
  }

  /** The URLs of the apiservers. */
  get endpoints(): string[] {
    return this.apiservers.map(({ endpoint }) => endpoint)
  }

  /** The addresses that the apiservers advertise, as "host:port". */
  get addresses(): string[] {
    return this.apiservers.map(({ address }) => address)
  }

  /** Starts all apiservers, and waits until each of them lists all of them. */
  async start(): Promise<void> {
    await Promise.all(this.apiservers.map((apiserver) => apiserver.start({ untilReady: false })))
    for (const apiserver of this.apiservers) await apiserver.ready(this.addresses)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.apiservers.map((apiserver) => apiserver.remove()))
    await rm(this.#folder, { recursive: true, force: true })
  }
}

/** Starts the apiservers. Resolves when they are ready. */
export async function startKubeApiservers(options: KubeControlPlaneOptions): Promise<KubeControlPlane> {
  const controlPlane = await KubeControlPlane.create(options)
  try {
    await controlPlane.start()
    return controlPlane
  } catch (error) {
    await controlPlane[Symbol.asyncDispose]()
    throw error
  }
}

/** One real kube-apiserver. */
export class KubeApiserver {
  /** The URL that it listens at. */
  readonly endpoint: string
  /** The address that it advertises, as "host:port". Nothing listens there. */
  readonly address: string
  readonly admin: KubeAdmin
  readonly #context: KubeApiserverContext
  #program: RestartableProgram | undefined
  #frozen = false

  constructor(context: KubeApiserverContext) {
    this.#context = context
    this.endpoint = `https://${context.listenHost}:${context.port}`
    this.address = `${context.address}:${context.port}`
    this.admin = new KubeAdmin(this.endpoint, context.files)
  }

  /**
   * Starts the process.
   *
   * @param options.untilReady waits until it is ready and, if it keeps the slice, lists its address
   */
  async start({ untilReady = true } = {}): Promise<void> {
    this.#program ??= await programOf(this.#context)
    await this.#program.start()
    if (untilReady) await this.ready()
  }

  /** Returns whether the process runs, and is not frozen. */
  async isReachable(): Promise<boolean> {
    return !this.#frozen && (await this.isRunning())
  }

  async isRunning(): Promise<boolean> {
    return (await this.#program?.isRunning()) ?? false
  }

  /** Returns the end of the log. */
  async log(): Promise<string> {
    return (await this.#program?.log()) ?? ''
  }

  /** Waits until it is ready and, if it keeps the slice, lists these addresses. */
  async ready(addresses: readonly string[] = [this.address]): Promise<void> {
    try {
      await eventually(async () => {
        if (!(await this.isRunning())) throw new Error('the process has ended')
        const { status } = await this.admin.send('GET', '/readyz')
        if (status !== 200) throw new TemporaryError(`/readyz: ${status}`)
        if (this.#context.keepsSlice === false) return
        const listed = await this.admin.addresses()
        const missing = addresses.filter((address) => !listed.includes(address))
        if (missing.length > 0) throw new TemporaryError(`${missing.join()} not listed yet`)
      }, longestStartMs)
    } catch (error) {
      throw new Error(`${this.endpoint} is not ready. Its log:\n${await this.#program?.log()}`, { cause: error })
    }
  }

  /** Stops the process with SIGTERM, and waits for its end. */
  async stop(): Promise<void> {
    await this.#end('SIGTERM')
  }

  /** Kills the process with SIGKILL, and waits for its end. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL')
  }

  /** Stops the process with SIGSTOP. The kernel still accepts connections. */
  async freeze(): Promise<void> {
    this.#frozen = true
    await this.#program?.signal('SIGSTOP')
  }

  async thaw(): Promise<void> {
    await this.#program?.signal('SIGCONT')
    this.#frozen = false
  }

  async #end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    if (!(await this.#program?.isRunning())) return
    const ended = this.#program?.ended()
    await this.#program?.signal(signal)
    await ended
  }

  /** @internal */
  async remove(): Promise<void> {
    await this.kill()
    await this.#program?.remove()
  }
}
