import type { EtcdCluster, EtcdMember, SnapshotFile } from '../test/support/etcd.ts'
import { absent } from './history.ts'
import type { History, Value } from './history.ts'
import type { Journal } from './journal.ts'
import { Lane } from './lane.ts'

export const key = 'rke2/apiaddresses'

/** What the writer wants done: a value, none (a deletion), or a write of another key. */
export type Write = Value | 'delete' | 'elsewhere'

interface Sent {
  readonly write: Write
  readonly sentAt: number
}

interface Done extends Sent {
  readonly revision: number
  readonly doneAt: number
}

interface WriteReply {
  readonly header: { readonly revision: string }
  readonly deleted?: string
}

interface RangeReply {
  readonly header: { readonly revision: string }
  readonly kvs?: { readonly value?: string; readonly mod_revision: string }[]
}

const base64 = (text: string) => Buffer.from(text).toString('base64')

/**
 * Writes the key, and knows in the end what became of each write. One that got no answer may have come true all the same,
 * then or later: etcd's own history tells.
 */
export class Ledger {
  /** All that is done with the store: one thing after the other. */
  readonly lane = new Lane()
  readonly #etcd: EtcdCluster
  readonly #history: History
  readonly #journal: Journal
  readonly #done = new Map<number, Done>()
  #doubtful: Sent[] = []
  #epoch = 0
  /** The history is complete up to this revision of the store. */
  #complete = 1

  constructor(etcd: EtcdCluster, history: History, journal: Journal) {
    this.#etcd = etcd
    this.#history = history
    this.#journal = journal
  }

  /** Tries once, with one member that should be able to. Resolves to when it was sent and done, if it was. */
  write(write: Write, choose: (members: readonly EtcdMember[]) => EtcdMember | undefined): Promise<Done | undefined> {
    return this.lane.do(async () => {
      const member = choose(this.#etcd.members.filter(({ reachable }) => reachable))
      if (member === undefined) return undefined
      const sent = { write, sentAt: performance.now() }
      const text = typeof write === 'string' ? write : write.text
      try {
        const { header, deleted } = await this.#send(member, write)
        if (write === 'delete' && deleted === undefined) return undefined
        const done = { ...sent, revision: Number(header.revision), doneAt: performance.now() }
        this.#done.set(done.revision, done)
        this.#journal.note('write', 'done', { text, revision: done.revision, member: member.name })
        return done
      } catch (error) {
        this.#doubtful.push(sent)
        this.#journal.note('write', 'doubtful', { text, member: member.name, error })
        return undefined
      }
    })
  }

  #send(member: EtcdMember, write: Write): Promise<WriteReply> {
    if (write === 'delete') return member.request('kv/deleterange', { key: base64(key) })
    if (write === 'elsewhere') return member.request('kv/put', { key: base64('rke2/etcd/learnerProgress'), value: '' })
    return member.request('kv/put', { key: base64(key), value: base64(write.text) })
  }

  /** Finds out what became of all writes so far. */
  complete(): Promise<void> {
    return this.lane.do(() => this.#settle())
  }

  /** Has etcd forget its history, as far as it is known here. */
  compact(): Promise<void> {
    return this.lane.do(async () => {
      await this.#settle()
      await this.#etcd.request('kv/compaction', { revision: String(this.#complete), physical: true })
    })
  }

  async #settle(): Promise<void> {
    const latest = await this.#read()
    for (let revision = this.#complete + 1; revision <= Number(latest.header.revision); revision++) {
      this.#record(revision, this.#done.get(revision) ?? (await this.#doubt(revision)))
      this.#done.delete(revision)
      this.#complete = revision
    }
  }

  #read(revision = 0): Promise<RangeReply> {
    return this.#etcd.request<RangeReply>('kv/range', { key: base64(key), revision: String(revision) })
  }

  /** The doubtful write that this revision is. */
  async #doubt(revision: number): Promise<Done> {
    const [kv] = (await this.#read(revision)).kvs ?? []
    const text = kv && Buffer.from(kv.value ?? '', 'base64').toString()
    const was = this.#history.last
    const index = this.#doubtful.findIndex(({ write }) => {
      if (kv !== undefined && Number(kv.mod_revision) === revision) {
        return typeof write === 'object' && write.text === text
      }
      return write === (kv === undefined && was.kind !== 'not-set' ? 'delete' : 'elsewhere')
    })
    const [sent] = index < 0 ? [] : this.#doubtful.splice(index, 1)
    if (sent === undefined) throw new Error(`nobody has written revision ${revision}: ${JSON.stringify(kv)}`)
    return { ...sent, revision, doneAt: performance.now() }
  }

  #record(revision: number, { write, sentAt, doneAt }: Done): void {
    if (write === 'elsewhere') return
    const value = write === 'delete' ? absent : write
    this.#history.add({ ...value, epoch: this.#epoch, revision, since: sentAt, by: doneAt })
    this.#journal.note('state', value.kind, { revision, text: value.text })
  }

  save(): Promise<SnapshotFile> {
    return this.lane.do(() => this.#etcd.saveSnapshot())
  }

  /** Replaces the history by an older one. All members have to be up, and nobody else may do anything to them. */
  restore(snapshot: SnapshotFile): Promise<void> {
    return this.lane.do(async () => {
      await this.#settle()
      const since = performance.now()
      await this.#etcd.restoreSnapshot(snapshot)
      const { header, kvs: [kv] = [] } = await this.#read()
      const revision = Number(kv?.mod_revision ?? header.revision)
      const text = kv && Buffer.from(kv.value ?? '', 'base64').toString()
      const value =
        kv === undefined
          ? absent
          : this.#history.states.find((state) => state.revision === revision && state.text === text)
      if (value === undefined) throw new Error(`nobody has ever written revision ${revision}: ${text}`)
      this.#epoch++
      this.#history.add({ ...value, epoch: this.#epoch, revision, since, by: performance.now() })
      this.#journal.note('state', 'restored', { revision, of: header.revision, text: value.text })
      this.#complete = Number(header.revision)
      this.#done.clear()
      this.#doubtful = []
    })
  }
}
