import { defaultKey } from '../../src/rke2.ts'
import type { EtcdCluster, EtcdMember, SnapshotFile } from '../../test/support/etcd.ts'
import type { SeededRandom } from '../../test/support/random.ts'
import type { Store } from '../environment.ts'
import type { History } from '../model/history.ts'
import { absent } from '../model/key-value.ts'
import type { KeyValue } from '../model/key-value.ts'
import { WriteLog } from '../model/write-log.ts'
import type { CompletedWrite, StoredKey, Write } from '../model/write-log.ts'
import { Mutex } from '../mutex.ts'
import type { Report } from '../report/report.ts'

const key = defaultKey('rke2')
const otherKey = 'rke2/etcd/learnerProgress'

/** etcd's reply to a write. */
export interface WriteReply {
  readonly header: { readonly revision: string }
  readonly deleted?: string
}

/** A write as a request to a member. */
interface WriteRequest {
  readonly url: string
  readonly body: object
}

/** The reply to a write, and when it was sent and answered. */
interface TimedReply {
  readonly reply: WriteReply
  readonly sentAt: number
  readonly completedAt: number
}

interface RangeReply {
  readonly header: { readonly revision: string }
  readonly kvs?: { readonly value?: string; readonly mod_revision: string }[]
}

const base64 = (text: string) => Buffer.from(text).toString('base64')

/**
 * Writes the key and completes its history. A write without an answer may have taken effect, then or later, so the
 * outcome of each write is read from etcd's own history. Only one operation runs at a time.
 */
export class KeyClient implements Store {
  readonly #mutex = new Mutex()
  readonly #log = new WriteLog()
  readonly #etcd: EtcdCluster
  readonly #history: History
  readonly #report: Report
  #epoch = 0
  /** The history is complete up to this revision of the store. */
  #revision = 1

  constructor(etcd: EtcdCluster, history: History, report: Report) {
    this.#etcd = etcd
    this.#history = history
    this.#report = report
  }

  /**
   * Sends the write once, to one of the reachable members. Resolves with the write if etcd acknowledged it, and with
   * `undefined` otherwise.
   *
   * @param sendElsewhere lets another process send the write. Resolves with `undefined` if there was no reply
   */
  write(
    write: Write,
    choose: (members: readonly EtcdMember[]) => EtcdMember | undefined,
    sendElsewhere?: (request: WriteRequest) => Promise<TimedReply | undefined>,
  ): Promise<CompletedWrite | undefined> {
    return this.#mutex.run(async () => {
      const member = choose(this.#etcd.members.filter(({ reachable }) => reachable))
      if (member === undefined) return undefined
      const sent = { write, sentAt: performance.now() }
      const text = typeof write === 'string' ? write : write.text
      const [path, body] = requestOf(write)
      try {
        const timed = await (sendElsewhere === undefined
          ? send(member, path, body)
          : sendElsewhere({ url: member.gatewayUrl(path), body }))
        if (timed === undefined) throw new Error('no reply')
        const { reply, sentAt, completedAt } = timed
        // A deletion of a key that does not exist creates no revision.
        if (write === 'delete' && reply.deleted === undefined) return undefined
        const completed = { write, sentAt, completedAt, revision: Number(reply.header.revision) }
        this.#log.addCompleted(completed)
        this.#report.record('write', 'completed', { text, revision: completed.revision, member: member.name })
        return completed
      } catch (error) {
        this.#log.addUnknown(sent)
        this.#report.record('write', 'unknown outcome', { text, member: member.name, error })
        return undefined
      }
    })
  }

  /** Completes the history: adds every write that has taken effect so far. */
  updateHistory(): Promise<void> {
    return this.#mutex.run(() => this.#updateHistory())
  }

  /** Compacts etcd's history up to the revision that is known here. */
  compact(): Promise<void> {
    return this.#mutex.run(async () => {
      await this.#updateHistory()
      await this.#etcd.request('kv/compaction', { revision: String(this.#revision), physical: true })
    })
  }

  /** Writes the list until it is the current one. Resolves with the time of that write, if there was one. */
  async setList(list: KeyValue, random: SeededRandom): Promise<number | undefined> {
    let writtenAt: number | undefined
    // An earlier write of unknown outcome may still take effect after this one.
    while (this.#history.last.text !== list.text) {
      await this.write(list, (members) => random.pick(members))
      await this.updateHistory()
      writtenAt = this.#history.last.sentAt
    }
    return writtenAt
  }

  saveSnapshot(): Promise<SnapshotFile> {
    return this.#mutex.run(() => this.#etcd.saveSnapshot())
  }

  /** Replaces the store by a snapshot. All members have to be up, and no fault may use them meanwhile. */
  restoreSnapshot(snapshot: SnapshotFile): Promise<void> {
    return this.#mutex.run(async () => {
      await this.#updateHistory()
      const sentAt = performance.now()
      await this.#etcd.restoreSnapshot(snapshot)
      const { storeRevision, stored } = await this.#read()
      const revision = stored?.modRevision ?? storeRevision
      const value =
        stored === undefined
          ? absent
          : this.#history.states.find((state) => state.revision === revision && state.text === stored.text)
      if (value === undefined) {
        throw new Error(`no write of this campaign explains revision ${revision} of the snapshot: ${stored?.text}`)
      }
      this.#epoch++
      this.#history.add({ ...value, epoch: this.#epoch, revision, sentAt, completedAt: performance.now() })
      this.#report.record('state', 'restored', { revision, storeRevision, text: value.text })
      this.#revision = storeRevision
      this.#log.clear()
    })
  }

  async #updateHistory(): Promise<void> {
    const { storeRevision } = await this.#read()
    for (let revision = this.#revision + 1; revision <= storeRevision; revision++) {
      this.#addState(this.#log.takeCompleted(revision) ?? (await this.#findWrite(revision)))
      this.#revision = revision
    }
  }

  /** Returns the write of unknown outcome that created a revision of the store. */
  async #findWrite(revision: number): Promise<CompletedWrite> {
    const { stored } = await this.#read(revision)
    return {
      ...this.#log.takeUnknown(revision, stored, this.#history.last),
      revision,
      completedAt: performance.now(),
    }
  }

  #addState({ write, revision, sentAt, completedAt }: CompletedWrite): void {
    if (write === 'other key') return
    const value = write === 'delete' ? absent : write
    this.#history.add({ ...value, epoch: this.#epoch, revision, sentAt, completedAt })
    this.#report.record('state', value.kind, { revision, text: value.text })
  }

  /**
   * Reads the key.
   *
   * @param revision the revision of the store to read; 0 is the current one
   */
  async #read(revision = 0): Promise<{ readonly storeRevision: number; readonly stored: StoredKey | undefined }> {
    const body = { key: base64(key), revision: String(revision) }
    const { header, kvs: [kv] = [] } = await this.#etcd.request<RangeReply>('kv/range', body)
    return {
      storeRevision: Number(header.revision),
      stored: kv && {
        text: Buffer.from(kv.value ?? '', 'base64').toString(),
        modRevision: Number(kv.mod_revision),
      },
    }
  }
}

function requestOf(write: Write): [path: string, body: object] {
  if (write === 'delete') return ['kv/deleterange', { key: base64(key) }]
  if (write === 'other key') return ['kv/put', { key: base64(otherKey), value: '' }]
  return ['kv/put', { key: base64(key), value: base64(write.text) }]
}

async function send(member: EtcdMember, path: string, body: object): Promise<TimedReply> {
  const sentAt = performance.now()
  const reply = await member.request<WriteReply>(path, body)
  return { reply, sentAt, completedAt: performance.now() }
}
