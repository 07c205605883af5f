import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { GenericContainer, Wait, getContainerRuntimeClient } from 'testcontainers'
import type { ContainerRuntimeClient, StartedTestContainer } from 'testcontainers'
import { createAuthority } from './certificates.ts'
import type { Authority, KeyPair } from './certificates.ts'
import { readMetrics } from './metrics.ts'
import type { Metrics } from './metrics.ts'
import { unusedPort } from './net.ts'

export interface EtcdOptions {
  /** Container image. @default the one of the vitest project */
  readonly image?: string
  /** @default 1 */
  readonly members?: 1 | 3
  /** What the client port wants: certificates on both sides, one of the server only, or plain HTTP. @default 'mutual' */
  readonly tls?: 'mutual' | 'server' | 'none'
  /** Heartbeat and election timeout as slow as RKE2 sets them. @default false: quick elections */
  readonly rke2Flags?: boolean
  /** More settings, named as in etcd's configuration file, which is as its flags are. */
  readonly config?: EtcdConfig
}

export type EtcdConfig = Readonly<Record<string, unknown>>

export interface TlsFiles {
  readonly caFile: string
  readonly certFile: string
  readonly keyFile: string
}

export interface MemberStatus {
  readonly id: string
  /** Its idea of the leader; `'0'` for none. */
  readonly leader: string
  /** Of the store, an int64 in decimal. */
  readonly revision: string
  readonly isLearner: boolean
  readonly version: string
  readonly errors: readonly string[]
}

export interface Snapshot {
  readonly path: string
  /** A tar with the one file. */
  readonly archive: Buffer
}

type Docker = ReturnType<ContainerRuntimeClient['container']['getById']>
type DockerNetwork = ReturnType<ContainerRuntimeClient['network']['getById']>

const ownLabel = 'rke2-apiserver-resolver.test'
const runPid = process.env['TEST_RUN_PID'] ?? String(process.pid)
const labels = { [`${ownLabel}.host`]: hostname(), [`${ownLabel}.pid`]: runPid }

const files = '/etc/etcd'
const clientPort = 2379
// A second client port, plain HTTP, for the fixture itself: whatever a test does to the first one, this one answers.
const adminPort = 2378

/** A real etcd, in containers, with a certificate authority of its own. Ready when the promise resolves. */
export async function startEtcd(options: EtcdOptions = {}): Promise<EtcdCluster> {
  const image = options.image ?? process.env['ETCD_IMAGE']
  if (!image) throw new Error('ETCD_IMAGE names no etcd image to test with; "npm test" chooses one')

  const runtime = await getContainerRuntimeClient()
  const network: DockerNetwork = await runtime.container.dockerode.createNetwork({
    Name: `${ownLabel}-${crypto.randomUUID()}`,
    Labels: labels,
  })
  const authority = await createAuthority('etcd-server-ca')
  const dataDir = await mkdtemp(join(tmpdir(), `${ownLabel}.${runPid}.`))
  const cluster = new EtcdCluster({ ...options, image, runtime, network, authority, dataDir })
  try {
    await cluster.writeClientFiles(await authority.issue({ commonName: 'etcd-client', usages: ['client'] }))
    await cluster.startMembers(options.members ?? 1)
    return cluster
  } catch (error) {
    await cluster[Symbol.asyncDispose]()
    throw error
  }
}

interface ClusterContext extends EtcdOptions {
  readonly image: string
  readonly runtime: ContainerRuntimeClient
  readonly network: DockerNetwork
  readonly authority: Authority
  readonly dataDir: string
}

export class EtcdCluster implements AsyncDisposable {
  readonly authority: Authority
  /** A data directory laid out as RKE2 does: the client's files are in `server/tls/etcd`. */
  readonly dataDir: string
  /** The client's certificate files in {@link dataDir}. */
  readonly tls: TlsFiles
  /** In the order they were added; learners too. */
  readonly members: EtcdMember[] = []
  readonly #context: ClusterContext
  #root: { readonly name: string; readonly password: string } | undefined
  #snapshots = 0

  constructor(context: ClusterContext) {
    this.#context = context
    this.authority = context.authority
    this.dataDir = context.dataDir
    const folder = join(context.dataDir, 'server', 'tls', 'etcd')
    this.tls = {
      caFile: join(folder, 'server-ca.crt'),
      certFile: join(folder, 'client.crt'),
      keyFile: join(folder, 'client.key'),
    }
  }

  /** Client URLs, one a member. */
  get endpoints(): string[] {
    return this.members.map((member) => member.endpoint)
  }

  /** Writes the files a client uses, as a rotation of the client's certificate does. */
  async writeClientFiles(pair: KeyPair, ca: string = this.authority.cert): Promise<void> {
    await mkdir(join(this.dataDir, 'server', 'tls', 'etcd'), { recursive: true })
    await writeFile(this.tls.caFile, ca)
    await writeFile(this.tls.certFile, pair.cert)
    await writeFile(this.tls.keyFile, pair.key, { mode: 0o600 })
  }

  /** @internal */
  async startMembers(count: number): Promise<void> {
    for (let i = 0; i < count; i++) this.members.push(await this.#newMember())
    // All are over before one of them fails it: none starts any more while they are removed.
    const created = await Promise.allSettled(this.members.map((member) => member.create(this.members, 'new')))
    for (const result of created) if (result.status === 'rejected') throw result.reason
  }

  async #newMember(): Promise<EtcdMember> {
    const ports = { client: await unusedPort(), admin: await unusedPort() }
    return new EtcdMember(`etcd-${this.members.length}`, ports, this.#context)
  }

  /** Sets the key and returns the revision of the store after that. */
  async put(key: string, value: string | Uint8Array): Promise<string> {
    const { header } = await this.request<Reply>('kv/put', { key: base64(key), value: base64(value) })
    return header.revision
  }

  /** Deletes the key and returns the revision of the store after that. */
  async del(key: string): Promise<string> {
    const { header } = await this.request<Reply>('kv/deleterange', { key: base64(key) })
    return header.revision
  }

  async get(key: string): Promise<{ value: Buffer; modRevision: string } | undefined> {
    const { kvs } = await this.request<RangeReply>('kv/range', { key: base64(key) })
    return kvs?.[0] && { value: Buffer.from(kvs[0].value ?? '', 'base64'), modRevision: kvs[0].mod_revision }
  }

  /** Forgets the history before the revision the store has now. */
  async compact(): Promise<void> {
    const { header } = await this.request<RangeReply>('kv/range', { key: base64('x') })
    await this.request('kv/compaction', { revision: header.revision, physical: true })
  }

  /** Asks etcd's JSON gateway, https://etcd.io/docs/latest/dev-guide/api_grpc_gateway: any member that answers. */
  async request<Result>(path: string, body: object): Promise<Result> {
    if (!this.#root) return this.#anyMember<Result>(path, body)
    const { token } = await this.#anyMember<{ token: string }>('auth/authenticate', this.#root)
    return this.#anyMember<Result>(path, body, { authorization: token })
  }

  async #anyMember<Result>(path: string, body: object, headers?: Record<string, string>): Promise<Result> {
    return eventually(async () => {
      let failure: unknown = new Error('no member is up')
      for (const member of this.members.filter(({ reachable }) => reachable)) {
        try {
          return await member.request<Result>(path, body, { 'grpc-metadata-hasleader': 'true', ...headers })
        } catch (error) {
          if (!(error instanceof TemporaryError)) throw error
          failure = error
        }
      }
      throw failure
    })
  }

  /** Runs etcdctl in the container of a member that is up, and returns what it printed. */
  async etcdctl(...args: string[]): Promise<string> {
    const member = this.members.find(({ reachable }) => reachable)
    if (!member) throw new Error('no member is up')
    const user = this.#root ? [`--user=${this.#root.name}:${this.#root.password}`] : []
    return member.exec('etcdctl', ...user, ...args)
  }

  /** The member all reachable members take for the leader, as soon as there is one. */
  async leader(): Promise<EtcdMember> {
    return eventually(async () => {
      const members = this.members.filter(({ reachable }) => reachable)
      const statuses = await Promise.all(members.map((member) => member.status()))
      const leaders = new Set(statuses.map(({ leader }) => leader))
      const leader = members[statuses.findIndex(({ id }) => leaders.size === 1 && leaders.has(id))]
      if (!leader) throw new TemporaryError('there is no leader')
      return leader
    })
  }

  async moveLeader(to: EtcdMember): Promise<void> {
    const leader = await this.leader()
    if (leader === to) return
    await leader.request('maintenance/transfer-leadership', { targetID: (await to.status()).id })
    await eventually(async () => {
      if ((await this.leader()) !== to) throw new TemporaryError(`${to.name} is not the leader`)
    })
  }

  /** Adds a member that has no vote yet; {@link promote} gives it one. */
  async addLearner(): Promise<EtcdMember> {
    const member = await this.#newMember()
    await this.request('cluster/member/add', { peerURLs: [member.peerUrl], isLearner: true })
    // It asks any of them who the members are, and ends at once if it is not one.
    for (const other of this.members.filter(({ reachable }) => reachable)) await other.knows(member.peerUrl)
    try {
      await member.create([...this.members, member], 'existing')
    } catch (error) {
      await member.remove()
      throw error
    }
    this.members.push(member)
    return member
  }

  /** Gives a learner its vote, as soon as it has caught up with the leader. */
  async promote(learner: EtcdMember): Promise<void> {
    const { id } = await learner.status()
    await eventually(async () => {
      try {
        await this.request('cluster/member/promote', { ID: id })
      } catch (error) {
        throw /in sync with leader/.test(String(error)) ? new TemporaryError(learner.name, { cause: error }) : error
      }
    })
  }

  /** Switches etcd's auth on, with a user `root` that the fixture uses from then on. */
  async enableAuth(password = 'root'): Promise<void> {
    const root = { name: 'root', password }
    await this.request('auth/user/add', root)
    await this.request('auth/role/add', { name: 'root' })
    await this.request('auth/user/grant', { user: 'root', role: 'root' })
    await this.request('auth/enable', {})
    this.#root = root
  }

  /** Saves the store, as a member has it that is up. */
  async saveSnapshot(): Promise<Snapshot> {
    const path = `/snapshot-${++this.#snapshots}.db`
    const member = this.members.find(({ reachable }) => reachable)
    if (!member) throw new Error('no member is up')
    await member.exec('etcdctl', 'snapshot', 'save', path)
    return { path, archive: await member.copyFrom(path) }
  }

  /** Replaces the history of all members, which must be up, by a snapshot; they serve on the same ports. */
  async restoreSnapshot({ path, archive }: Snapshot): Promise<void> {
    const dataDir = `${path}.data.${++this.#snapshots}`
    const cluster = this.members.map(({ name, peerUrl }) => `${name}=${peerUrl}`).join(',')
    for (const member of this.members) {
      await member.copyTo(archive)
      // The tool moved in 3.5, and 3.6 has it only there.
      const tool = (await member.status()).version.startsWith('3.4.') ? 'etcdctl' : 'etcdutl'
      const peers = [`--initial-cluster=${cluster}`, `--initial-advertise-peer-urls=${member.peerUrl}`]
      const identity = [`--name=${member.name}`, `--initial-cluster-token=${dataDir}`]
      await member.exec(tool, 'snapshot', 'restore', path, `--data-dir=${dataDir}`, ...identity, ...peers)
      await member.configure({ 'data-dir': dataDir })
    }
    await Promise.all(this.members.map((member) => member.stop()))
    await Promise.all(this.members.map((member) => member.start()))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.members.map((member) => member.remove()))
    await this.#context.network.remove()
    await rm(this.dataDir, { recursive: true, force: true })
  }
}

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

  /** Whether it can be asked and has its peers. */
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
    const { authority, config, image, members = 1, network, rke2Flags, tls } = this.#context
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
      ...(members === 1 && { 'heartbeat-interval': 20, 'election-timeout': 200 }), // it waits for nobody
      ...(rke2Flags && { 'heartbeat-interval': 500, 'election-timeout': 5000 }),
      ...(tls !== 'none' && {
        'client-transport-security': {
          'cert-file': `${files}/server.crt`,
          'key-file': `${files}/server.key`,
          ...(tls !== 'server' && { 'client-cert-auth': true, 'trusted-ca-file': `${files}/ca.crt` }),
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
      revision: reply.header.revision,
      isLearner: reply.isLearner ?? false,
      version: reply.version,
      errors: reply.errors ?? [],
    }
  }

  /** Asks this member's JSON gateway. */
  async request<Result>(path: string, body: object, headers?: Record<string, string>): Promise<Result> {
    const response = await fetch(`http://127.0.0.1:${this.#ports.admin}/v3/${path}`, {
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

interface Reply {
  readonly header: { readonly member_id: string; readonly revision: string }
}

interface RangeReply extends Reply {
  readonly kvs?: { readonly value?: string; readonly mod_revision: string }[]
}

interface MembersReply extends Reply {
  readonly members: { readonly peerURLs: readonly string[] }[]
}

interface StatusReply extends Reply {
  readonly leader?: string
  readonly version: string
  readonly isLearner?: boolean
  readonly errors?: string[]
}

/** The member cannot say now; another one can, or the same one later. */
class TemporaryError extends Error {}

/** Calls until there is no {@link TemporaryError} any more, for 30 s at most. */
async function eventually<Result>(call: () => Promise<Result>): Promise<Result> {
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

function base64(value: string | Uint8Array): string {
  return Buffer.from(value).toString('base64')
}
