import type { ResolveOptions } from '../src/index.ts'
import { startEtcd } from '../test/support/etcd.ts'
import type { EtcdCluster } from '../test/support/etcd.ts'
import { startProxy } from '../test/support/net.ts'
import type { Proxy } from '../test/support/net.ts'
import type { SeededRandom } from '../test/support/random.ts'
import { KeyClient } from './client/key.ts'
import type { WriteReply } from './client/key.ts'
import type { CommonParts, ConnectionCounts, Environment, FaultSet, PlannedRequest } from './environment.ts'
import { certificateFaults } from './failpoint/certificate-faults.ts'
import { Certificates } from './failpoint/certificates.ts'
import { clusterFaults } from './failpoint/cluster.ts'
import { waitUntilHealthy } from './failpoint/health.ts'
import { Learner } from './failpoint/learner.ts'
import { memberFaults } from './failpoint/members.ts'
import { networkFaults } from './failpoint/network.ts'
import type { Outages } from './failpoint/outages.ts'
import { processFaults } from './failpoint/process.ts'
import { stopDuring } from './failpoint/stop-process.ts'
import { Targets } from './failpoint/targets.ts'
import type { WallClock } from './failpoint/wall-clock.ts'
import { History } from './model/history.ts'
import type { KeyValue } from './model/key-value.ts'
import { etcdWeights, randomFaults } from './random/faults.ts'
import type { Fault } from './random/faults.ts'
import { learner as learnerEndpoint } from './random/options.ts'
import { randomWrites, servers } from './random/writes.ts'
import type { Report } from './report/report.ts'

const allServers: KeyValue = {
  kind: 'list',
  text: `${JSON.stringify(servers)}\n`,
  addresses: servers.toSorted(),
}

/** An etcd of three members and a learner. The proxies lead to the members, and the last one to the learner. */
export class EtcdEnvironment implements Environment {
  readonly source = 'etcd'
  readonly proxies: readonly Proxy[]
  readonly store: KeyClient
  readonly history = new History()
  readonly wallClock: WallClock
  readonly report: Report
  readonly #etcd: EtcdCluster
  readonly #learner: Learner

  private constructor(etcd: EtcdCluster, learner: Learner, proxies: readonly Proxy[], common: CommonParts) {
    this.#etcd = etcd
    this.#learner = learner
    this.proxies = proxies
    this.wallClock = common.wallClock
    this.report = common.report
    this.store = new KeyClient(etcd, this.history, common.report)
  }

  static async start(image: string | undefined, common: CommonParts): Promise<EtcdEnvironment> {
    const etcd = await startEtcd({ members: 3, ...(image !== undefined && { image }) })
    try {
      const learner = await Learner.start(etcd)
      const proxies = await Promise.all(etcd.endpoints.map((endpoint) => startProxy(endpoint)))
      return new EtcdEnvironment(etcd, learner, [...proxies, learner.proxy], common)
    } catch (error) {
      await etcd[Symbol.asyncDispose]()
      throw error
    }
  }

  connection(endpoints: readonly number[]): ResolveOptions {
    return { endpoints: endpoints.map((index) => this.proxies[index]!.endpoint), tls: this.#etcd.tls }
  }

  writes(random: SeededRandom): () => PlannedRequest {
    const planned = randomWrites(random)
    return () => {
      const { afterMs, kind, write, member } = planned.next().value
      const send = () => this.store.write(write, (members) => members[Math.floor(member * members.length)])
      return { afterMs, kind, send: async () => (await send()) !== undefined }
    }
  }

  plannedFaults(random: SeededRandom): Iterator<Fault, never> {
    return randomFaults(random, etcdWeights)
  }

  createFaults(outages: Outages): FaultSet {
    const targets = new Targets(this.#etcd.members, this.proxies, this.report)
    const certificates = new Certificates(this.#etcd, targets.serverLocks, this.wallClock)
    return {
      targets,
      faults: {
        ...memberFaults(targets, outages),
        ...networkFaults(targets),
        ...clusterFaults(targets, { etcd: this.#etcd, keyClient: this.store, learner: this.#learner }),
        ...processFaults(this.wallClock, (ms, target) => this.#stopProcess(ms, target)),
        ...certificateFaults(targets, certificates),
      },
    }
  }

  /** While the process is stopped, every server comes back: none of them may be removed afterwards. */
  async #stopProcess(ms: number, target: number): Promise<void> {
    await stopDuring<WriteReply>(ms, (send) =>
      this.store.write(allServers, (members) => members[target % members.length], send),
    )
  }

  async waitUntilHealthy(): Promise<void> {
    for (const member of this.#etcd.members) await waitUntilHealthy(member)
  }

  async countConnections(): Promise<ConnectionCounts> {
    const metrics = await Promise.all(this.#etcd.members.map((member) => member.metrics()))
    return {
      connections: this.proxies.slice(0, learnerEndpoint).reduce((sum, { open }) => sum + open, 0),
      streams: metrics.reduce((sum, metric) => sum + metric('etcd_debugging_mvcc_watch_stream_total'), 0),
    }
  }

  async logs(): Promise<Readonly<Record<string, string>>> {
    const logs = this.#etcd.members.map(async (member) => [member.name, (await member.logs()).slice(-20_000)])
    return Object.fromEntries(await Promise.all(logs)) as Record<string, string>
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const proxy of this.proxies) await proxy.close()
    await this.#learner[Symbol.asyncDispose]()
    await this.#etcd[Symbol.asyncDispose]()
  }
}
