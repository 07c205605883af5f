import type { EtcdMember } from '../../test/support/etcd.ts'
import type { KubeApiserver } from '../../test/support/kube-apiserver.ts'
import { Mutex } from '../mutex.ts'
import type { Outages } from './outages.ts'
import type { Faults, Targets } from './targets.ts'

type Kinds = 'kill apiserver' | 'freeze apiserver' | 'freeze all apiservers' | 'kill etcd' | 'pause etcd'

/** Returns the faults of apiservers and of the etcd below them. */
export function apiserverFaults(targets: Targets<KubeApiserver>, etcd: EtcdMember, outages: Outages): Faults<Kinds> {
  const all = targets.servers
  const etcdLock = new Mutex()

  async function holdWithout(servers: readonly KubeApiserver[], durationMs: number): Promise<void> {
    const from = performance.now()
    await targets.hold(durationMs)
    for (const server of servers) outages.add(all.indexOf(server), from)
  }

  async function freeze(servers: readonly KubeApiserver[], durationMs: number): Promise<void> {
    await Promise.all(servers.map((server) => server.freeze()))
    await holdWithout(servers, durationMs)
    await Promise.all(servers.map((server) => server.thaw()))
  }

  /** Runs a job with etcd, if etcd has no other fault. An apiserver returns only lists that etcd confirms. */
  async function withEtcd(job: () => Promise<void>): Promise<boolean> {
    if (etcdLock.locked) return false
    await etcdLock.run(job)
    return true
  }

  return {
    'kill apiserver': (fault) =>
      targets.withServer(fault, async (server) => {
        await server.kill()
        await holdWithout([server], fault.durationMs)
        await server.start({ untilReady: false })
      }),

    'freeze apiserver': (fault) => targets.withServer(fault, (server) => freeze([server], fault.durationMs)),
    'freeze all apiservers': (fault) =>
      targets.withServers(fault, all.length, (servers) => freeze(servers, fault.durationMs)),

    'kill etcd': (fault) =>
      withEtcd(async () => {
        await etcd.kill()
        await holdWithout(all, fault.durationMs)
        await etcd.start({ untilReady: false })
      }),

    'pause etcd': (fault) =>
      withEtcd(async () => {
        await etcd.pause()
        await holdWithout(all, fault.durationMs)
        await etcd.unpause()
      }),
  }
}
