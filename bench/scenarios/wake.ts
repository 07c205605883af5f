import { setTimeout as sleep } from 'node:timers/promises'
import { peerIds } from '../baselines.ts'
import type { ByPeer, PeerId } from '../baselines.ts'
import { addresses, Etcd } from '../etcd.ts'
import { monotonicMs, RunningPeer } from '../process.ts'
import { shuffled } from '../stats.ts'

/**
 * From the moment a write is sent until a waiting process knows, in milliseconds. In each round some processes of every
 * peer wait at once, each for a key of its own; the keys are written one by one, in random order, at random moments.
 */
export async function wake({ rounds, perRound }: { rounds: number; perRound: number }): Promise<ByPeer<number[]>> {
  const samples: ByPeer<number[]> = {}
  await using etcd = await Etcd.start()
  for (let round = 0; round < rounds; round++) {
    await using processes = new AsyncDisposableStack()
    const waiters: { id: PeerId; key: string; peer: RunningPeer }[] = []
    for (const [index, id] of shuffled(Array.from({ length: perRound }, () => peerIds).flat()).entries()) {
      const key = `wake/${round}/${index}`
      const peer = processes.use(new RunningPeer(id, etcd.endpoint, key))
      // One after the other: they share the processors.
      await peer.waiting
      waiters.push({ id, key, peer })
    }
    await sleep(500)
    const waits = []
    for (const { id, key, peer } of shuffled(waiters)) {
      await sleep(100 + Math.random() * 300)
      const sentAt = monotonicMs()
      await etcd.put(key, addresses(3))
      waits.push(peer.known.then(([at = NaN]) => (samples[id] ??= []).push(at - sentAt)))
    }
    await Promise.all(waits)
  }
  return samples
}
