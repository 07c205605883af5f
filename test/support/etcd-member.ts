import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { GenericContainer, Wait } from 'testcontainers'
import type { ContainerRuntimeClient, StartedTestContainer } from 'testcontainers'
import type { Authority, KeyPair } from './certificates.ts'
import { readMetrics } from './metrics.ts'
import type { Metrics } from './metrics.ts'

type Docker = ReturnType<ContainerRuntimeClient['container']['getById']>
export type DockerNetwork = ReturnType<ContainerRuntimeClient['network']['getById']>

/** How etcd is started. */
export interface EtcdOptions {
  /** Container image. @default the one of the vitest project */
  readonly image?: string
  /** @default 1 */
  readonly members?: 1 | 3
  /** What the client port wants: certificates on both sides, or plain HTTP. @default 'mutual' */
  readonly tls?: 'mutual' | 'none'
  /** Heartbeat and election timeout as slow as RKE2 sets them. @default false: quick elections */
  readonly rke2Flags?: boolean
  /** More settings, named as in etcd's configuration file, which is as its flags are. */
  readonly config?: EtcdConfig
}

export type EtcdConfig = Readonly<Record<string, unknown>>

/** What the members of a cluster share. */
export interface ClusterContext extends EtcdOptions {
  readonly image: string
  /** Of all that a container engine makes for it. */
  readonly labels: Readonly<Record<string, string>>
  readonly runtime: ContainerRuntimeClient
  readonly network: DockerNetwork
  readonly authority: Authority
  readonly dataDir: string
}

export interface MemberStatus {
  readonly id: string
  /** Its idea of the leader; `'0'` for none. */
  readonly leader: string
  readonly isLearner: boolean
  readonly version: string
}

const files = '/etc/etcd'
const clientPort = 2379
// A second client port, plain HTTP, for the fixture itself: whatever a test does to the first one, this one answers.
const adminPort = 2378

export class EtcdMember {
  readonly name: string
  /** Client URL; the port stays the same for the member's whole life. */
  readonly endpoint: string
  readonly peerUrl: string
  readonly #ports: { readonly client: number; readonly admin: number }
  readonly #context: ClusterContext
  #started: StartedTestContainer | undefined
  #config: EtcdConfig = {}
  #running = false
  #paused = false
  #partitioned = false

  constructor(name: string, ports: { client: number; admin: number }, context: ClusterContext) {
    this.name = name
    this.#ports = ports
    this.#context = context
    this.endpoint = `${this.#scheme}://127.0.0.1:${ports.client}`
    this.peerUrl = `http://${name}:2380`
  }

  get #scheme(): string {
    return this.#context.tls === 'none' ? 'http' : 'https'
  }

  /** Whether it answers and is connected to its peers. */
  get reachable(): boolean {
    return this.#running && !this.#paused && !this.#partitioned
  }

  get #container(): StartedTestContainer {
    if (!this.#started) throw new Error(`${this.name} has not been started`)
    return this.#started
  }

  get #docker(): Docker {
    return this.#context.runtime.container.getById(this.#container.getId())
  }

  /** @internal */
  async create(cluster: readonly EtcdMember[], state: 'new' | 'existing'): Promise<void> {
    const { authority, config, image, labels, members = 1, network, rke2Flags, tls } = this.#context
    this.#config = {
      name: this.name,
      'data-dir': '/data',
      'listen-client-urls': `${this.#scheme}://0.0.0.0:${clientPort},http://0.0.0.0:${adminPort}`,
      'advertise-client-urls': this.endpoint,
      'listen-peer-urls': 'http://0.0.0.0:2380',
      'initial-advertise-peer-urls': this.peerUrl,
      'initial-cluster': cluster.map(({ name, peerUrl }) => `${name}=${peerUrl}`).join(','),
      'initial-cluster-state': state,
      'enable-grpc-gateway': true, // off by default in a file, on by default in flags
      'strict-reconfig-check': false, // it lets no member in for the first 5 s
      'bcrypt-cost': 4,
      logger: 'zap',
      ...(members === 1 && { 'heartbeat-interval': 20, 'election-timeout': 200 }), // there is no other member to wait for
      ...(rke2Flags && { 'heartbeat-interval': 500, 'election-timeout': 5000 }),
      ...(tls !== 'none' && {
        'client-transport-security': {
          'cert-file': `${files}/server.crt`,
          'key-file': `${files}/server.key`,
          'client-cert-auth': true,
          'trusted-ca-file': `${files}/ca.crt`,
        },
      }),
      ...config,
    }
    const pair = await authority.issue({
      commonName: 'etcd-server',
      dnsNames: ['localhost', this.name],
      ipAddresses: ['127.0.0.1', '::1'],
    })
    this.#started = await new GenericContainer(image)
      .withEntrypoint(['etcd'])
      .withCommand(['--config-file', `${files}/etcd.json`])
      .withLabels(labels)
      // With an alias, the container is on the default network too: its ports stay when its peers are cut off.
      .withNetworkMode(network.id)
      .withNetworkAliases(this.name)
      .withExposedPorts(
        { container: clientPort, host: this.#ports.client },
        { container: adminPort, host: this.#ports.admin },
      )
      .withCopyContentToContainer([
        { content: authority.cert, target: `${files}/ca.crt` },
        ...certificateFiles(pair),
        this.#configFile(),
      ])
      .withWaitStrategy(Wait.forLogMessage(/serving client traffic/))
      .withStartupTimeout(60_000)
      .start()
    this.#running = true
    await this.ready()
  }

  #configFile(): { content: string; target: string } {
    return { content: JSON.stringify(this.#config), target: `${files}/etcd.json` }
  }

  /** Changes settings of etcd's configuration file, for the next start. */
  async configure(config: EtcdConfig): Promise<void> {
    this.#config = { ...this.#config, ...config }
    await this.#container.copyContentToContainer([this.#configFile()])
  }

  /** Replaces the server's certificate: etcd reads the files again for every handshake. Open connections stay. */
  async useCertificate(pair: KeyPair): Promise<void> {
    await this.#container.copyContentToContainer(certificateFiles(pair))
  }

  /** Replaces the authorities whose clients are let in, for the next start. */
  async trust(authorities: string): Promise<void> {
    await this.#container.copyContentToContainer([{ content: authorities, target: `${files}/ca.crt` }])
  }

  /** @internal */
  async copyFrom(path: string): Promise<Buffer> {
    return buffer(await this.#container.copyArchiveFromContainer(path))
  }

  /** @internal */
  async copyTo(archive: Buffer): Promise<void> {
    await this.#container.copyArchiveToContainer(Readable.from([archive]), '/')
  }

  /** SIGKILL. */
  async kill(): Promise<void> {
    this.#running = false
    this.#paused = false
    const docker = this.#docker
    const ended = docker.wait()
    await docker.kill()
    await ended
  }

  /** SIGTERM. */
  async stop(): Promise<void> {
    this.#running = false
    await this.#docker.stop()
  }

  /** Starts the process and waits until it answers; without a quorum it does not, so then say `untilReady: false`. */
  async start({ untilReady = true } = {}): Promise<void> {
    await this.#docker.start()
    this.#running = true
    if (untilReady) await this.ready()
  }

  async restart(): Promise<void> {
    await this.stop()
    await this.start()
  }

  /** Waits until it answers, which a learner and a member cut off from its peers do too. */
  async ready(): Promise<void> {
    await eventually(() => this.status())
  }

  /** Freezes the process: connections are accepted, nothing is answered. By a signal: Docker's own pause can hang. */
  async pause(): Promise<void> {
    this.#paused = true
    await this.#docker.kill({ signal: 'SIGSTOP' })
  }

  async unpause(): Promise<void> {
    await this.#docker.kill({ signal: 'SIGCONT' })
    this.#paused = false
  }

  /** Cuts it off from its peers, but not from its clients. */
  async partition(): Promise<void> {
    this.#partitioned = true
    await this.#context.network.disconnect({ Container: this.#container.getId() })
  }

  async heal(): Promise<void> {
    await this.#context.network.connect({
      Container: this.#container.getId(),
      EndpointConfig: { Aliases: [this.name] },
    })
    this.#partitioned = false
  }

  /** Waits until it has heard of a member. */
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

  /** The URL of a request to this member's JSON gateway. */
  gatewayUrl(path: string): string {
    return `http://127.0.0.1:${this.#ports.admin}/v3/${path}`
  }

  /** Sends a request to the JSON gateway of this member. */
  async request<Result>(path: string, body: object, headers?: Record<string, string>): Promise<Result> {
    const response = await fetch(this.gatewayUrl(path), {
      method: 'POST',
      body: JSON.stringify(body),
      // A connection a request: one that was kept would outlive the member.
      headers: { connection: 'close', ...headers },
      signal: AbortSignal.timeout(2000),
    }).catch((error: unknown) => {
      throw new TemporaryError(`${this.name} does not answer`, { cause: error })
    })
    const reply = (await response.json()) as Result & { code?: number; message?: string; error?: string }
    if (response.ok) return reply
    const Failure = reply.code === 14 ? TemporaryError : Error
    throw new Failure(`${this.name}: ${path}: ${reply.message ?? reply.error}`)
  }

  async metrics(): Promise<Metrics> {
    const response = await fetch(`http://127.0.0.1:${this.#ports.admin}/metrics`, {
      headers: { connection: 'close' },
      signal: AbortSignal.timeout(2000),
    })
    return readMetrics(await response.text())
  }

  /** Runs a program in the container, with the environment etcdctl needs, and returns what it printed. */
  async exec(...command: string[]): Promise<string> {
    const { exitCode, output, stdout } = await this.#container.exec(command, {
      env: { ETCDCTL_API: '3', ETCDCTL_ENDPOINTS: `http://127.0.0.1:${adminPort}` },
    })
    if (exitCode !== 0) throw new Error(`${this.name}: ${command.join(' ')}: exit code ${exitCode}: ${output}`)
    return stdout
  }

  /** All that it has logged so far. */
  async logs(): Promise<string> {
    return (await this.#docker.logs({ stdout: true, stderr: true })).toString()
  }

  /** @internal */
  async remove(): Promise<void> {
    if (this.#started) await this.#docker.remove({ force: true, v: true })
  }
}

export interface Reply {
  readonly header: { readonly member_id: string; readonly revision: string }
}

interface MembersReply extends Reply {
  readonly members: { readonly peerURLs: readonly string[] }[]
}

interface StatusReply extends Reply {
  readonly leader?: string
  readonly version: string
  readonly isLearner?: boolean
}

/** The member cannot say now; another one can, or the same one later. */
export class TemporaryError extends Error {}

/** Calls until there is no {@link TemporaryError} any more, for 30 s at most. */
export async function eventually<Result>(call: () => Promise<Result>): Promise<Result> {
  const deadline = performance.now() + 30_000
  for (;;) {
    try {
      return await call()
    } catch (error) {
      if (!(error instanceof TemporaryError) || performance.now() > deadline) throw error
      await sleep(20)
    }
  }
}

function certificateFiles(pair: KeyPair): { content: string; target: string }[] {
  return [
    { content: pair.cert, target: `${files}/server.crt` },
    { content: pair.key, target: `${files}/server.key` },
  ]
}
