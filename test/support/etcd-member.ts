import type { KeyPair } from './certificates.ts'
import { clientCaFile, configFile, etcdConfig, serverCertificateFiles } from './etcd-config.ts'
import type { ClusterContext, EtcdConfig } from './etcd-config.ts'
import { EtcdContainer } from './etcd-container.ts'
import { eventually, sendToGateway, TemporaryError } from './etcd-gateway.ts'
import type { MembersReply, StatusReply } from './etcd-gateway.ts'
import { readMetrics } from './metrics.ts'
import type { Metrics } from './metrics.ts'

export interface MemberStatus {
  readonly id: string
  /** The id of the leader that this member knows; `'0'` if it knows none. */
  readonly leader: string
  readonly isLearner: boolean
  readonly version: string
}

/** One member of an etcd cluster, in a container. */
export class EtcdMember {
  readonly name: string
  /** The client URL. Its port stays the same when the member stops and starts. */
  readonly endpoint: string
  readonly peerUrl: string
  readonly #adminUrl: string
  readonly #context: ClusterContext
  readonly #container: EtcdContainer
  #config: EtcdConfig = {}
  #running = false
  #paused = false
  #partitioned = false

  constructor(name: string, ports: { client: number; admin: number }, context: ClusterContext) {
    this.name = name
    this.endpoint = `${context.tls === 'none' ? 'http' : 'https'}://127.0.0.1:${ports.client}`
    this.peerUrl = `http://${name}:2380`
    this.#adminUrl = `http://127.0.0.1:${ports.admin}`
    this.#context = context
    this.#container = new EtcdContainer(name, ports, context)
  }

  /** Whether it can answer and is connected to the other members. */
  get reachable(): boolean {
    return this.#running && !this.#paused && !this.#partitioned
  }

  /** @internal */
  async create(cluster: readonly EtcdMember[], state: 'new' | 'existing'): Promise<void> {
    const { authority } = this.#context
    this.#config = etcdConfig(this, cluster, state, this.#context)
    const pair = await authority.issue({
      commonName: 'etcd-server',
      dnsNames: ['localhost', this.name],
      ipAddresses: ['127.0.0.1', '::1'],
    })
    const files = [clientCaFile(authority.cert), ...serverCertificateFiles(pair), configFile(this.#config)]
    await this.#container.create(files)
    this.#running = true
    await this.ready()
  }

  /** Changes settings of etcd's configuration file, for the next start. */
  async configure(config: EtcdConfig): Promise<void> {
    this.#config = { ...this.#config, ...config }
    await this.#container.write([configFile(this.#config)])
  }

  /** Replaces the server's certificate. etcd reads the files again for every handshake; open connections stay. */
  async useCertificate(pair: KeyPair): Promise<void> {
    await this.#container.write(serverCertificateFiles(pair))
  }

  /** Replaces the CAs of the accepted clients, for the next start. */
  async trust(authorities: string): Promise<void> {
    await this.#container.write([clientCaFile(authorities)])
  }

  /** @internal */
  copyFrom(path: string): Promise<Buffer> {
    return this.#container.copyFrom(path)
  }

  /** @internal */
  copyTo(archive: Buffer): Promise<void> {
    return this.#container.copyTo(archive)
  }

  /** Kills the process with SIGKILL. */
  async kill(): Promise<void> {
    this.#running = false
    this.#paused = false
    await this.#container.kill()
  }

  /** Stops the process with SIGTERM. */
  async stop(): Promise<void> {
    this.#running = false
    await this.#container.stop()
  }

  /**
   * Starts the process.
   *
   * @param options.untilReady waits until the member answers, which it does not do without a quorum
   */
  async start({ untilReady = true } = {}): Promise<void> {
    await this.#container.start()
    this.#running = true
    if (untilReady) await this.ready()
  }

  async restart(): Promise<void> {
    await this.stop()
    await this.start()
  }

  /** Waits until the member answers. A learner and a partitioned member answer, too. */
  async ready(): Promise<void> {
    await eventually(() => this.status())
  }

  /** Stops the process with SIGSTOP, because Docker's own pause can hang. The kernel still accepts connections. */
  async pause(): Promise<void> {
    this.#paused = true
    await this.#container.signal('SIGSTOP')
  }

  async unpause(): Promise<void> {
    await this.#container.signal('SIGCONT')
    this.#paused = false
  }

  /** Disconnects the member from the other members, but not from its clients. */
  async partition(): Promise<void> {
    this.#partitioned = true
    await this.#container.leaveNetwork()
  }

  async heal(): Promise<void> {
    await this.#container.joinNetwork()
    this.#partitioned = false
  }

  /** Waits until this member knows another one. */
  async knows(peerUrl: string): Promise<void> {
    await eventually(async () => {
      const { members } = await this.request<MembersReply>('cluster/member/list', {})
      if (!members.some(({ peerURLs }) => peerURLs.includes(peerUrl))) throw new TemporaryError(`no ${peerUrl} yet`)
    })
  }

  async status(): Promise<MemberStatus> {
    const reply = await this.request<StatusReply>('maintenance/status', {})
    return {
      id: reply.header.member_id,
      leader: reply.leader ?? '0',
      isLearner: reply.isLearner ?? false,
      version: reply.version,
    }
  }

  /** Returns the URL of a request to this member's JSON gateway. */
  gatewayUrl(path: string): string {
    return `${this.#adminUrl}/v3/${path}`
  }

  /** Sends a request to this member's JSON gateway. */
  request<Result>(path: string, body: object, headers?: Record<string, string>): Promise<Result> {
    return sendToGateway<Result>({ name: this.name, url: this.gatewayUrl(path), body, headers })
  }

  async metrics(): Promise<Metrics> {
    const response = await fetch(`${this.#adminUrl}/metrics`, {
      headers: { connection: 'close' },
      signal: AbortSignal.timeout(2000),
    })
    return readMetrics(await response.text())
  }

  /** Runs a program in the container, with the environment that etcdctl needs. Resolves with its output. */
  exec(...command: string[]): Promise<string> {
    return this.#container.exec(command)
  }

  /** Returns the log so far. */
  logs(): Promise<string> {
    return this.#container.logs()
  }

  /** @internal */
  remove(): Promise<void> {
    return this.#container.remove()
  }
}
