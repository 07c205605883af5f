import { setTimeout as sleep } from 'node:timers/promises'
import type { EtcdCluster } from '../../test/support/etcd.ts'
import type { KubeApiserver } from '../../test/support/kube-apiserver.ts'
import type { SeededRandom } from '../../test/support/random.ts'
import type { Store } from '../environment.ts'
import type { KeyValue } from '../model/key-value.ts'
import type { SliceHistory } from '../model/slice-history.ts'
import { SliceLog } from '../model/slice-log.ts'
import { sliceObject } from '../model/slices.ts'
import type { SliceName, SliceWrite } from '../model/slices.ts'
import { Mutex } from '../mutex.ts'
import type { Report } from '../report/report.ts'
import { readStoreEvents } from './store-events.ts'

const path = '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices'
const prefix = '/registry/endpointslices/default/'
const serviceLabel = 'kubernetes.io/service-name'
const names = ['kubernetes', 'kubernetes-2', 'kubernetes-ipv6'] as const

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

  /** Sends the write to one of the reachable apiservers. Resolves with whether the apiserver acknowledged it. */
  write(write: SliceWrite, choose: Choose): Promise<boolean> {
    return this.#mutex.run(() => this.#write(write, choose))
  }

  updateHistory(): Promise<void> {
    return this.#mutex.run(() => this.#updateHistory())
  }

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

  async #write(write: SliceWrite, choose: Choose): Promise<boolean> {
    const reachable = await Promise.all(this.#apiservers.map((apiserver) => apiserver.isReachable()))
    const apiserver = choose(this.#apiservers.filter((_apiserver, index) => reachable[index]))
    if (apiserver === undefined) return false
    // A deletion is for one version of the slice, so the current one has to be known.
    if (write.type === 'delete') await this.#updateHistory()
    const id = this.#log.add(write)
    try {
      const revision = await this.#send(apiserver, write, id)
      if (revision === undefined) return false
      this.#log.complete(id)
      this.#report.record('write', 'completed', { id, write, revision, apiserver: apiserver.endpoint })
      return true
    } catch (error) {
      this.#report.record('write', 'unknown outcome', { id, write, apiserver: apiserver.endpoint, error })
      // A server that refuses connections does so at once.
      await sleep(50)
      return false
    }
  }

  /** Resolves with the version of the slice, or `undefined` if the apiserver refused the write. */
  async #send({ admin }: KubeApiserver, write: SliceWrite, id: number): Promise<string | undefined> {
    if (write.type === 'delete') {
      const resourceVersion = this.#log.versionOf(write.name)
      if (resourceVersion === undefined) return undefined
      // A delayed deletion deletes only what this one was sent for.
      const options = { preconditions: { resourceVersion: String(resourceVersion) } }
      const { status } = await admin.send('DELETE', `${path}/${write.name}`, options)
      return check(status) ? 'deleted' : undefined
    }
    const name = write.type === 'put' ? write.name : 'other'
    const object = {
      metadata: {
        name,
        labels: { [serviceLabel]: write.type === 'put' ? 'kubernetes' : 'other' },
        annotations: { write: `write-${id};` },
      },
      ...sliceObject('kubernetes', []),
      ...(write.type === 'put' && sliceObject(write.name, write.endpoints)),
    }
    const put = await admin.send<Slice>('PUT', `${path}/${name}`, object)
    const { status, body } = put.status === 404 ? await admin.send<Slice>('POST', path, object) : put
    return check(status) ? body.metadata.resourceVersion : undefined
  }

  async #updateHistory(): Promise<void> {
    const { header } = await this.#etcd.request<{ header: { revision: string } }>('kv/range', { key: 'eA==' })
    const upTo = Number(header.revision)
    if (upTo <= this.#revision) return
    const [member] = this.#etcd.members
    for (const event of await readStoreEvents(member!.gatewayUrl('watch'), this.#revision, upTo)) {
      if (!event.key.startsWith(prefix)) continue
      const state = this.#log.apply({ ...event, key: event.key.slice(prefix.length) })
      if (state === undefined) continue
      this.#history.add(state)
      this.#report.record('state', state.kind, { revision: state.revision, text: state.text })
    }
    this.#revision = upTo
  }
}

interface Slice {
  readonly metadata: { readonly resourceVersion: string }
}

/**
 * Returns whether a write was acknowledged; `false` if it was refused, and so without effect.
 *
 * @throws Error if its outcome is unknown
 */
function check(status: number): boolean {
  if (status < 300) return true
  if (status < 500 && status !== 408) return false
  throw new Error(`HTTP status ${status}`)
}
