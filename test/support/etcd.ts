import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { getContainerRuntimeClient } from 'testcontainers'
import type { TlsFiles } from '../../src/index.ts'
import { createAuthority } from './certificates.ts'
import type { Authority, KeyPair } from './certificates.ts'
import { EtcdMember, eventually, TemporaryError } from './etcd-member.ts'
import type { ClusterContext, DockerNetwork, EtcdOptions, Reply } from './etcd-member.ts'
import { unusedPort } from './net.ts'

export type { EtcdMember } from './etcd-member.ts'

export interface SnapshotFile {
  readonly path: string
  /** A tar with the one file. */
  readonly archive: Buffer
}

const ownLabel = 'rke2-apiserver-resolver.test'
const runPid = process.env['TEST_RUN_PID'] ?? String(process.pid)
const labels = { [`${ownLabel}.host`]: hostname(), [`${ownLabel}.pid`]: runPid }

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
  const cluster = new EtcdCluster({ ...options, image, labels, runtime, network, authority, dataDir })
  try {
    await cluster.writeClientFiles(await authority.issue({ commonName: 'etcd-client', usages: ['client'] }))
    await cluster.startMembers(options.members ?? 1)
    return cluster
  } catch (error) {
    await cluster[Symbol.asyncDispose]()
    throw error
  }
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

  /** Sends a request to the JSON gateway (https://etcd.io/docs/latest/dev-guide/api_grpc_gateway) of any member that answers. */
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
    // It gets the list of members from any of them, and ends at once if it is not in that list.
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
  async saveSnapshot(): Promise<SnapshotFile> {
    const path = `/snapshot-${++this.#snapshots}.db`
    const member = this.members.find(({ reachable }) => reachable)
    if (!member) throw new Error('no member is up')
    await member.exec('etcdctl', 'snapshot', 'save', path)
    return { path, archive: await member.copyFrom(path) }
  }

  /** Replaces the history of all members, which must be up, by a snapshot; they serve on the same ports. */
  async restoreSnapshot({ path, archive }: SnapshotFile): Promise<void> {
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

interface RangeReply extends Reply {
  readonly kvs?: { readonly value?: string; readonly mod_revision: string }[]
}

function base64(value: string | Uint8Array): string {
  return Buffer.from(value).toString('base64')
}
