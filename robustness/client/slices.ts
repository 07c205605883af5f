import { setTimeout as sleep } from 'node:timers/promises'
import type { EtcdCluster } from '../../test/support/etcd.ts'
import type { KubeAdmin } from '../../test/support/kube-apiserver-client.ts'
import type { KubeApiserver } from '../../test/support/kube-apiserver.ts'
import type { SeededRandom } from '../../test/support/random.ts'
import type { Store } from '../environment.ts'
import type { StoppedRequest } from '../failpoint/stop-process.ts'
import type { KeyValue } from '../model/key-value.ts'
import type { SliceHistory } from '../model/slice-history.ts'
import { SliceLog } from '../model/slice-log.ts'
import type { WriteTimes } from '../model/slice-log.ts'
import type { SliceName, SliceWrite } from '../model/slices.ts'
import { Mutex } from '../mutex.ts'
import type { Report } from '../report/report.ts'
import { createPath, isAcknowledged, markedWrite, sliceRequest } from './slice-request.ts'
import type { SliceRequest } from './slice-request.ts'
import { readStoreEvents } from './store-events.ts'

const prefix = '/registry/endpointslices/default/'
const names = ['kubernetes', 'kubernetes-2', 'kubernetes-ipv6'] as const

/** A frozen apiserver gives no answer. Its write has an unknown outcome after this time. */
const timeoutMs = 3000

type SendElsewhere = (request: StoppedRequest) => Promise<WriteTimes | undefined>
type Choose = (apiservers: readonly KubeApiserver[]) => KubeApiserver | undefined

/**
 * Writes the EndpointSlices and completes the history of the list. A write without an answer may have taken effect, then
 * or later, so all states are read from etcd's own history. Only one operation runs at a time.
 */
export class SliceClient implements Store {
  readonly #mutex = new Mutex()
  readonly #etcd: EtcdCluster
  readonly #apiservers: readonly KubeApiserver[]
  readonly #history: SliceHistory
  readonly #report: Report
  readonly #log = new SliceLog()
  /** The history is complete up to this revision of the store. */
  #revision: number

  /** @param revision the revision of the store before the first write */
  constructor(
    servers: { readonly etcd: EtcdCluster; readonly apiservers: readonly KubeApiserver[] },
    revision: number,
    history: SliceHistory,
    report: Report,
  ) {
    this.#etcd = servers.etcd
    this.#apiservers = servers.apiservers
    this.#revision = revision
    this.#history = history
    this.#report = report
  }

  /**
   * Sends the write to one of the reachable apiservers. Resolves with whether the apiserver acknowledged it.
   *
   * @param sendElsewhere lets another process send the write. Resolves with `undefined` if it was not acknowledged
   */
  write(write: SliceWrite, choose: Choose, sendElsewhere?: SendElsewhere): Promise<boolean> {
    return this.#mutex.run(() => this.#write(write, choose, sendElsewhere))
  }

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

  async setList({ addresses }: KeyValue, random: SeededRandom): Promise<number | undefined> {
    let writtenAt: number | undefined
    const endpointsOf = (name: SliceName) =>
      addresses
        .filter((address) => (address.startsWith('[') ? 'kubernetes-ipv6' : 'kubernetes') === name)
        .map((address) => ({ address, ready: true }))
    // An earlier write of unknown outcome may still take effect after these.
    while (this.#history.last.addresses.join() !== addresses.join()) {
      for (const name of names) {
        await this.write({ type: 'put', name, endpoints: endpointsOf(name) }, (apiservers) => random.pick(apiservers))
      }
      await this.updateHistory()
      writtenAt = this.#history.last.sentAt
    }
    return writtenAt
  }

  async #write(write: SliceWrite, choose: Choose, sendElsewhere?: SendElsewhere): Promise<boolean> {
    const reachable = await Promise.all(this.#apiservers.map((apiserver) => apiserver.isReachable()))
    const apiserver = choose(this.#apiservers.filter((_apiserver, index) => reachable[index]))
    if (apiserver === undefined) return false
    // A deletion is for one version of the slice, so the current one has to be known.
    if (write.type === 'delete' && !(await this.#isVersionKnown(write.name))) return false
    const id = this.#log.add(write)
    const details = { id, write, apiserver: apiserver.endpoint }
    try {
      const request = sliceRequest(write, id, write.type === 'delete' ? this.#log.versionOf(write.name) : undefined)
      const times = await (sendElsewhere === undefined
        ? send(apiserver.admin, request)
        : sendBy(sendElsewhere, apiserver, request))
      this.#report.record('write', times === undefined ? 'refused' : 'completed', details)
      if (times !== undefined) this.#log.complete(id, times)
      return times !== undefined
    } catch (error) {
      this.#report.record('write', 'unknown outcome', { ...details, error })
      // A server that refuses connections does so at once.
      await sleep(50)
      return false
    }
  }

  async #isVersionKnown(name: SliceName): Promise<boolean> {
    try {
      await this.#updateHistory()
      return this.#log.versionOf(name) !== undefined
    } catch (error) {
      this.#report.record('write', 'no history', { error })
      return false
    }
  }

  async #updateHistory(): Promise<void> {
    const { header } = await this.#etcd.request<{ header: { revision: string } }>('kv/range', { key: 'eA==' })
    const upTo = Number(header.revision)
    if (upTo <= this.#revision) return
    const [member] = this.#etcd.members
    for (const event of await readStoreEvents(member!.gatewayUrl('watch'), this.#revision, upTo)) {
      const { key, value, revision } = event
      if (!key.startsWith(prefix)) continue
      // If a write cannot be explained, the next update must stop at it again.
      this.#revision = revision - 1
      const id = event.isDeleted ? undefined : markedWrite(value)
      const state = this.#log.apply({ name: key.slice(prefix.length), revision, isDeleted: event.isDeleted, id })
      if (state === undefined) continue
      this.#history.add(state)
      this.#report.record('state', state.kind, { revision: state.revision, text: state.text })
    }
    this.#revision = upTo
  }
}

/** Resolves with the times of an acknowledged write; `undefined` if the apiserver refused it. */
async function send(admin: KubeAdmin, { method, path, body }: SliceRequest): Promise<WriteTimes | undefined> {
  const sentAt = performance.now()
  const answer = await admin.send(method, path, body, timeoutMs)
  const isNew = method === 'PUT' && answer.status === 404
  const { status } = isNew ? await admin.send('POST', createPath, body, timeoutMs) : answer
  return isAcknowledged(status) ? { sentAt, completedAt: performance.now() } : undefined
}

/** Lets another process send the write. */
async function sendBy(
  sendElsewhere: SendElsewhere,
  { endpoint, admin }: KubeApiserver,
  { method, path, body }: SliceRequest,
): Promise<WriteTimes> {
  const times = await sendElsewhere({ url: `${endpoint}${path}`, method, body, tls: admin.tls })
  if (times === undefined) throw new Error('no reply')
  return times
}
