import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ClientTlsFiles } from '../../src/rke2.ts'
import type { Authority, KeyPair } from './certificates.ts'
import type { ClusterContext } from './etcd-config.ts'
import { eventually, TemporaryError } from './etcd-gateway.ts'
import type { RangeReply, Reply } from './etcd-gateway.ts'
import { EtcdMember } from './etcd-member.ts'
import { restoreSnapshot, saveSnapshot } from './etcd-snapshot.ts'
import type { SnapshotFile } from './etcd-snapshot.ts'
import { unusedPort } from './net.ts'

/** A real etcd cluster in containers. */
export class EtcdCluster implements AsyncDisposable {
  readonly authority: Authority
  /** A data directory with the layout of RKE2: the client's certificate files are in `server/tls/etcd`. */
  readonly dataDir: string
  /** The client's certificate files in {@link dataDir}. */
  readonly tls: ClientTlsFiles
  /** The members, learners included, in the order in which they were added. */
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

  /** The client URL of each member. */
  get endpoints(): string[] {
    return this.members.map((member) => member.endpoint)
  }

  get #reachableMember(): EtcdMember {
    const member = this.members.find(({ reachable }) => reachable)
    if (!member) throw new Error('no member is reachable')
    return member
  }

  /** Writes the client's certificate files, as a certificate rotation does. */
  async writeClientFiles(pair: KeyPair, ca: string = this.authority.cert): Promise<void> {
    await mkdir(join(this.dataDir, 'server', 'tls', 'etcd'), { recursive: true })
    await writeFile(this.tls.caFile, ca)
    await writeFile(this.tls.certFile, pair.cert)
    await writeFile(this.tls.keyFile, pair.key, { mode: 0o600 })
  }

  /** @internal */
  async startMembers(count: number): Promise<void> {
    for (let i = 0; i < count; i++) this.members.push(await this.#newMember())
    // Not Promise.all, because no member must still be starting when a failure removes the members.
    const created = await Promise.allSettled(this.members.map((member) => member.create(this.members, 'new')))
    for (const result of created) if (result.status === 'rejected') throw result.reason
  }

  async #newMember(): Promise<EtcdMember> {
    const ports = { client: await unusedPort(), admin: await unusedPort() }
    return new EtcdMember(`etcd-${this.members.length}`, ports, this.#context)
  }

  /** Sets the key. Resolves with the revision of the store after that. */
  async put(key: string, value: string | Uint8Array): Promise<string> {
    const { header } = await this.request<Reply>('kv/put', { key: base64(key), value: base64(value) })
    return header.revision
  }

  /** Stores a list as RKE2 does. Resolves with its revision. */
  putList(...addresses: readonly string[]): Promise<string> {
    return this.put('rke2/apiaddresses', `${JSON.stringify(addresses)}\n`)
  }

  /** Deletes the key. Resolves with the revision of the store after that. */
  async del(key: string): Promise<string> {
    const { header } = await this.request<Reply>('kv/deleterange', { key: base64(key) })
    return header.revision
  }

  async get(key: string): Promise<{ value: Buffer; modRevision: string } | undefined> {
    const { kvs } = await this.request<RangeReply>('kv/range', { key: base64(key) })
    return kvs?.[0] && { value: Buffer.from(kvs[0].value ?? '', 'base64'), modRevision: kvs[0].mod_revision }
  }

  /** Removes the history before the present revision of the store. */
  async compact(): Promise<void> {
    const { header } = await this.request<RangeReply>('kv/range', { key: base64('x') })
    await this.request('kv/compaction', { revision: header.revision, physical: true })
  }

  /** Sends a request to the JSON gateway of any member that answers. */
  async request<Result>(path: string, body: object): Promise<Result> {
    if (!this.#root) return this.#anyMember<Result>(path, body)
    const { token } = await this.#anyMember<{ token: string }>('auth/authenticate', this.#root)
    return this.#anyMember<Result>(path, body, { authorization: token })
  }

  async #anyMember<Result>(path: string, body: object, headers?: Record<string, string>): Promise<Result> {
    return eventually(async () => {
      let failure: unknown = new Error('no member is reachable')
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

  /** Runs etcdctl in the container of a reachable member. Resolves with its output. */
  async etcdctl(...args: string[]): Promise<string> {
    const user = this.#root ? [`--user=${this.#root.name}:${this.#root.password}`] : []
    return this.#reachableMember.exec('etcdctl', ...user, ...args)
  }

  /** Resolves with the leader when all reachable members agree on it. */
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

  /** Adds a member that has no vote until {@link promote} is called. */
  async addLearner(): Promise<EtcdMember> {
    const member = await this.#newMember()
    await this.request('cluster/member/add', { peerURLs: [member.peerUrl], isLearner: true })
    // It reads the members from any of them, and ends at once if it is not one of these.
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

  /** Promotes a learner when it has caught up with the leader. */
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

  /** Enables etcd's auth, with a user `root` that this class uses from then on. */
  async enableAuth(password = 'root'): Promise<void> {
    const root = { name: 'root', password }
    await this.request('auth/user/add', root)
    await this.request('auth/role/add', { name: 'root' })
    await this.request('auth/user/grant', { user: 'root', role: 'root' })
    await this.request('auth/enable', {})
    this.#root = root
  }

  /** Saves a snapshot of the store of a reachable member. */
  async saveSnapshot(): Promise<SnapshotFile> {
    return saveSnapshot(this.#reachableMember, `/snapshot-${++this.#snapshots}.db`)
  }

  /** Restores a snapshot on all members, which must be running, and restarts them on the same ports. */
  async restoreSnapshot(snapshot: SnapshotFile): Promise<void> {
    await restoreSnapshot(this.members, snapshot, `${snapshot.path}.data.${++this.#snapshots}`)
    await Promise.all(this.members.map((member) => member.stop()))
    await Promise.all(this.members.map((member) => member.start()))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.members.map((member) => member.remove()))
    await this.#context.network.remove()
    await rm(this.dataDir, { recursive: true, force: true })
  }
}

function base64(value: string | Uint8Array): string {
  return Buffer.from(value).toString('base64')
}
