import { defaultKey } from '../../src/rke2.ts'
import type { EtcdCluster, EtcdMember, SnapshotFile } from '../../test/support/etcd.ts'
import type { History } from '../model/history.ts'
import { absent } from '../model/key-value.ts'
import { WriteLog } from '../model/write-log.ts'
import type { CompletedWrite, StoredKey, Write } from '../model/write-log.ts'
import { Mutex } from '../mutex.ts'
import type { Report } from '../report/report.ts'

const key = defaultKey('rke2')
const otherKey = 'rke2/etcd/learnerProgress'

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
 * Writes the key and completes its history. A write without an answer may have taken effect, then or later, so the
 * outcome of each write is read from etcd's own history. Only one operation runs at a time.
 */
export class KeyClient {
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
   */
  write(
    write: Write,
    choose: (members: readonly EtcdMember[]) => EtcdMember | undefined,
  ): Promise<CompletedWrite | undefined> {
    return this.#mutex.run(async () => {
      const member = choose(this.#etcd.members.filter(({ reachable }) => reachable))
      if (member === undefined) return undefined
      const sent = { write, sentAt: performance.now() }
      const text = typeof write === 'string' ? write : write.text
      try {
        const { header, deleted } = await this.#send(member, write)
        // A deletion of a key that does not exist creates no revision.
        if (write === 'delete' && deleted === undefined) return undefined
        const completed = { ...sent, revision: Number(header.revision), completedAt: performance.now() }
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

  #send(member: EtcdMember, write: Write): Promise<WriteReply> {
    if (write === 'delete') return member.request('kv/deleterange', { key: base64(key) })
    if (write === 'other key') return member.request('kv/put', { key: base64(otherKey), value: '' })
    return member.request('kv/put', { key: base64(key), value: base64(write.text) })
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
