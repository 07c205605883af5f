import type { EtcdCluster, EtcdMember, SnapshotFile } from '../../test/support/etcd.ts'
import type { KeyClient } from '../client/key.ts'
import { waitUntilHealthy } from './health.ts'
import type { Learner } from './learner.ts'
import type { Faults, Targets } from './targets.ts'

type Kinds = 'compact' | 'move leader' | 'save snapshot' | 'restore snapshot'

interface Cluster {
  readonly etcd: EtcdCluster
  readonly keyClient: KeyClient
  readonly learner: Learner
}

/** Returns the faults that etcd itself carries out on request. */
export function clusterFaults(targets: Targets<EtcdMember>, { etcd, keyClient, learner }: Cluster): Faults<Kinds> {
  let snapshot: SnapshotFile | undefined

  return {
    compact: () => targets.request(() => keyClient.compact()),

    'move leader': ({ target }) =>
      targets.request(async () => {
        const { id, leader } = await etcd.members[target]!.status()
        const reachable = etcd.members.filter((member) => member.reachable)
        const statuses = await Promise.all(reachable.map((member) => member.status()))
        const from = reachable[statuses.findIndex((status) => status.id === leader)]
        await from?.request('maintenance/transfer-leadership', { targetID: id })
      }),

    'save snapshot': () =>
      targets.request(async () => {
        snapshot = await keyClient.saveSnapshot()
      }),

    'restore snapshot': async (fault) => {
      const saved = snapshot
      if (saved === undefined) return false
      return targets.withServers(fault, 3, async (members) => {
        for (const member of members) await waitUntilHealthy(member)
        await learner.leave()
        await keyClient.restoreSnapshot(saved)
        await targets.request(() => learner.join())
      })
    },
  }
}
