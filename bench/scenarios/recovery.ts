import { setTimeout as sleep } from 'node:timers/promises'
import { startProxy } from '../../test/support/net.ts'
import { peerIds } from '../baselines.ts'
import type { ByPeer } from '../baselines.ts'
import { addresses, Etcd } from '../etcd.ts'
import { monotonicMs, RunningPeer } from '../process.ts'
import { shuffled } from '../stats.ts'

interface Rounds {
  readonly rounds: number
  /** Processes of every peer. */
  readonly perRound: number
  readonly awayMs: number
}

/**
 * etcd is away for a while, with the key set, and then boots. Gives the time from the start of its process, most of which
 * is etcd's own: it listens before it answers.
 */
export async function recovery({ rounds, perRound, awayMs }: Rounds): Promise<ByPeer<number[]>> {
  const samples: ByPeer<number[]> = {}
  await using etcd = await Etcd.start()
  await etcd.put('recovery', addresses(3))
  await etcd.stop()
  for (let round = 0; round < rounds; round++) {
    await using processes = new AsyncDisposableStack()
    const waits = []
    let bootedAt = NaN
    for (const id of shuffled(Array.from({ length: perRound }, () => peerIds).flat())) {
      const peer = processes.use(new RunningPeer(id, etcd.endpoint, 'recovery'))
      waits.push(peer.known.then(([at = NaN]) => (samples[id] ??= []).push(at - bootedAt)))
      await sleep(300 + Math.random() * 300)
    }
    await sleep(awayMs)
    bootedAt = monotonicMs()
    await etcd.boot()
    await Promise.all(waits)
    await etcd.stop()
  }
  return samples
}

/**
 * A port is closed for a while and then opens, in front of an etcd that answers at once: what is left is the client's own
 * delay. Every process has a port of its own, and ten waiters that are out of step, and the ports open one by one.
 */
export async function reopen({ rounds, perRound, awayMs }: Rounds): Promise<ByPeer<number[]>> {
  const samples: ByPeer<number[]> = {}
  await using etcd = await Etcd.start()
  await etcd.put('reopen', addresses(3))
  for (let round = 0; round < rounds; round++) {
    await using closing = new AsyncDisposableStack()
    const waits = []
    for (const id of shuffled(Array.from({ length: perRound }, () => peerIds).flat())) {
      const proxy = closing.use(await startProxy(etcd.endpoint))
      await proxy.refuse()
      const peer = closing.use(new RunningPeer(id, proxy.endpoint, 'reopen', { waiters: 10 }))
      const reopened = async () => {
        await sleep(awayMs + Math.random() * 5000)
        const openedAt = monotonicMs()
        await proxy.pass()
        for (const at of await peer.known) (samples[id] ??= []).push(at - openedAt)
      }
      waits.push(reopened())
      await sleep(300 + Math.random() * 300)
    }
    await Promise.all(waits)
  }
  return samples
}
