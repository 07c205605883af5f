import { setTimeout as sleep } from 'node:timers/promises'
import type { EtcdMember } from '../../test/support/etcd.ts'
import type { Outages } from './outages.ts'
import type { Faults, Targets } from './targets.ts'

type Kinds = 'kill' | 'restart' | 'pause' | 'pause repeatedly' | 'partition' | 'lose two members' | 'lose all members'

/** Returns the faults of etcd processes and of the network between them. */
export function memberFaults(targets: Targets<EtcdMember>, outages: Outages): Faults<Kinds> {
  const all = targets.servers

  async function kill(members: readonly EtcdMember[], durationMs: number): Promise<void> {
    await Promise.all(members.map((member) => member.kill()))
    await holdWithout(members, durationMs)
    await Promise.all(members.map((member) => member.start({ untilReady: false })))
  }

  async function pause(members: readonly EtcdMember[], durationMs: number): Promise<void> {
    await Promise.all(members.map((member) => member.pause()))
    await holdWithout(members, durationMs)
    await Promise.all(members.map((member) => member.unpause()))
  }

  async function holdWithout(members: readonly EtcdMember[], durationMs: number): Promise<void> {
    const from = performance.now()
    await targets.hold(durationMs)
    // Without two of three members, the third one has no quorum either.
    if (members.length > 1) for (const index of all.keys()) outages.add(index, from)
  }

  return {
    kill: (fault) => targets.withServer(fault, (member) => kill([member], fault.durationMs)),
    pause: (fault) => targets.withServer(fault, (member) => pause([member], fault.durationMs)),
    'lose two members': (fault) =>
      targets.withServers(fault, 2, (members) => (fault.severity < 0.5 ? kill : pause)(members, fault.durationMs)),
    'lose all members': (fault) =>
      targets.withServers(fault, 3, (members) => (fault.severity < 0.5 ? kill : pause)(members, fault.durationMs)),

    restart: (fault) =>
      targets.withServer(fault, async (member) => {
        await member.stop()
        await member.start({ untilReady: false })
      }),

    // From outside, a member with a slow disk or processor looks like this.
    'pause repeatedly': (fault) =>
      targets.withServer(fault, async (member) => {
        for (let n = 0; n < 10 && !targets.stopped; n++) {
          await member.pause()
          await sleep(20 + fault.severity * 300)
          await member.unpause()
          await sleep(50)
        }
      }),

    partition: (fault) =>
      targets.withServer(fault, async (member) => {
        await member.partition()
        const from = performance.now()
        await targets.hold(fault.durationMs)
        outages.add(all.indexOf(member), from)
        await member.heal()
      }),
  }
}
