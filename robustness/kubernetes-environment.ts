import type { ResolveOptions } from '../src/index.ts'
import { TemporaryError } from '../test/support/etcd-gateway.ts'
import { startEtcd } from '../test/support/etcd.ts'
import type { EtcdCluster } from '../test/support/etcd.ts'
import { startKubeApiservers } from '../test/support/kube-apiserver.ts'
import type { KubeControlPlane } from '../test/support/kube-apiserver.ts'
import { readMetrics } from '../test/support/metrics.ts'
import { startProxy } from '../test/support/net.ts'
import type { Proxy } from '../test/support/net.ts'
import type { SeededRandom } from '../test/support/random.ts'
import { SliceClient } from './client/slices.ts'
import type { CommonParts, ConnectionCounts, Environment, FaultSet, PlannedRequest } from './environment.ts'
import { apiserverCertificateFaults } from './failpoint/apiserver-certificates.ts'
import { apiserverFaults } from './failpoint/apiservers.ts'
import { waitUntilHealthy } from './failpoint/health.ts'
import { networkFaults } from './failpoint/network.ts'
import type { Outages } from './failpoint/outages.ts'
import { processFaults } from './failpoint/process.ts'
import { stopDuring } from './failpoint/stop-process.ts'
import { Targets } from './failpoint/targets.ts'
import type { WallClock } from './failpoint/wall-clock.ts'
import { SliceHistory } from './model/slice-history.ts'
import type { SliceWrite } from './model/slices.ts'
import { kubernetesWeights, randomFaults } from './random/faults.ts'
import type { Fault } from './random/faults.ts'
import { randomSliceWrites } from './random/slices.ts'
import { servers } from './random/writes.ts'
import type { Report } from './report/report.ts'

const allServers: SliceWrite = {
  type: 'put',
  name: 'kubernetes',
  endpoints: servers.filter((server) => !server.startsWith('[')).map((address) => ({ address, ready: true })),
}

/** Two apiservers on an etcd of one member, each behind a proxy. The campaign writes all EndpointSlices itself. */
export class KubernetesEnvironment implements Environment {
  readonly source = 'kubernetes'
  readonly proxies: readonly Proxy[]
  readonly store: SliceClient
  readonly history = new SliceHistory()
  readonly wallClock: WallClock
  readonly report: Report
  readonly #etcd: EtcdCluster
  readonly #controlPlane: KubeControlPlane

  private constructor(
    cluster: { readonly etcd: EtcdCluster; readonly controlPlane: KubeControlPlane; readonly revision: number },
    proxies: readonly Proxy[],
    { wallClock, report }: CommonParts,
  ) {
    const { etcd, controlPlane, revision } = cluster
    this.#etcd = etcd
    this.#controlPlane = controlPlane
    this.proxies = proxies
    this.wallClock = wallClock
    this.report = report
    const { apiservers } = controlPlane
    this.store = new SliceClient({ etcd, apiservers }, revision, this.history, report)
  }

  static async start(image: string | undefined, common: CommonParts): Promise<KubernetesEnvironment> {
    const etcd = await startEtcd({ ...(image !== undefined && { image }) })
    try {
      const advertise = ['10.0.0.11', '10.0.0.12']
      const controlPlane = await startKubeApiservers({ etcd, advertise, keepsSlice: false })
      const proxies = await Promise.all(controlPlane.endpoints.map((endpoint) => startProxy(endpoint)))
      const { header } = await etcd.request<{ header: { revision: string } }>('kv/range', { key: 'eA==' })
      return new KubernetesEnvironment({ etcd, controlPlane, revision: Number(header.revision) }, proxies, common)
    } catch (error) {
      await etcd[Symbol.asyncDispose]()
      throw error
    }
  }

  connection(endpoints: readonly number[]): ResolveOptions {
    const { agentDataDir: dataDir } = this.#controlPlane.files
    return { source: 'kubernetes', dataDir, endpoints: endpoints.map((index) => this.proxies[index]!.endpoint) }
  }

  writes(random: SeededRandom): () => PlannedRequest {
    const planned = randomSliceWrites(random)
    return () => {
      const { afterMs, kind, write, server } = planned.next().value
      return {
        afterMs,
        kind,
        send: () => this.store.write(write, (apiservers) => apiservers[Math.floor(server * apiservers.length)]),
      }
    }
  }

  plannedFaults(random: SeededRandom): Iterator<Fault, never> {
    return randomFaults(random, kubernetesWeights)
  }

  createFaults(outages: Outages): FaultSet {
    const { apiservers, files } = this.#controlPlane
    const targets = new Targets(apiservers, this.proxies, this.report)
    return {
      targets,
      faults: {
        ...apiserverFaults(targets, this.#etcd.members[0]!, outages),
        ...networkFaults(targets),
        compact: () => targets.request(() => this.store.compact()),
        ...apiserverCertificateFaults(targets, files, this.wallClock),
        ...processFaults(this.wallClock, (ms, target) => this.#stopProcess(ms, target)),
      },
    }
  }

  /** While the process is stopped, every server of the slice comes back: none of them may be removed afterwards. */
  async #stopProcess(ms: number, target: number): Promise<void> {
    await stopDuring(ms, (send) =>
      this.store.write(allServers, (apiservers) => apiservers[target % apiservers.length], send),
    )
  }

  async waitUntilHealthy(): Promise<void> {
    await waitUntilHealthy(this.#etcd.members[0]!)
    for (const apiserver of this.#controlPlane.apiservers) {
      try {
        await apiserver.ready()
      } catch (error) {
        // An apiserver that was started while there was no etcd has given up.
        if (await apiserver.isRunning()) throw error
        await apiserver.start()
      }
    }
  }

  async countConnections(): Promise<ConnectionCounts> {
    const metrics = await Promise.all(
      this.#controlPlane.apiservers.map(async ({ admin }) => {
        const { status, body } = await admin.send<string>('GET', '/metrics')
        if (status !== 200) throw new TemporaryError(`/metrics: ${status}`)
        return readMetrics(watchesOfClients(body))
      }),
    )
    return {
      connections: this.proxies.reduce((sum, { open }) => sum + open, 0),
      streams: metrics.reduce((sum, metric) => sum + metric('apiserver_longrunning_requests'), 0),
    }
  }

  async logs(): Promise<Readonly<Record<string, string>>> {
    const logs = this.#controlPlane.apiservers.map(async (apiserver) => [apiserver.endpoint, await apiserver.log()])
    return Object.fromEntries(await Promise.all(logs)) as Record<string, string>
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const proxy of this.proxies) await proxy.close()
    await this.#controlPlane[Symbol.asyncDispose]()
    await this.#etcd[Symbol.asyncDispose]()
  }
}

/** Returns the metrics of watches of one namespace. An apiserver itself watches the slices of all namespaces. */
function watchesOfClients(metrics: string): string {
  return metrics
    .split('\n')
    .filter((line) => /resource="endpointslices"/.test(line) && /scope="namespace"/.test(line))
    .join('\n')
}
