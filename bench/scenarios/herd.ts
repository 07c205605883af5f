import { setTimeout as sleep } from 'node:timers/promises'
import type { ByPeer, PeerId } from '../baselines.ts'
import { addresses, Etcd } from '../etcd.ts'
import { monotonicMs, RunningPeer } from '../process.ts'
import { shuffled } from '../stats.ts'

export interface Herd {
  /** Milliseconds from the write until half of them, and until all of them, know; one a round. */
  readonly medianMs: number[]
  readonly lastMs: number[]
  /** etcd's, from the write until a second after the last one knows. */
  readonly etcdCpuMs: number[]
}

/** Many waiters in one process, each with a connection of its own, and one write. */
export async function herd({ rounds, waiters }: { rounds: number; waiters: number }): Promise<ByPeer<Herd>> {
  const herders: PeerId[] = ['etcd3-watcher', 'floor', 'this-package']
  const samples: ByPeer<Herd> = Object.fromEntries(
    herders.map((id) => [id, { medianMs: [], lastMs: [], etcdCpuMs: [] } satisfies Herd]),
  )
  await using etcd = await Etcd.start()
  for (let round = 0; round < rounds; round++) {
    for (const id of shuffled(herders)) {
      const key = `herd/${round}/${id}`
      await using peer = new RunningPeer(id, etcd.endpoint, key, { waiters })
      await peer.waiting
      await sleep(1500)
      const before = (await etcd.metrics())('process_cpu_seconds_total')
      const sentAt = monotonicMs()
      await etcd.put(key, addresses(3))
      const known = (await peer.known).map((at) => at - sentAt).toSorted((a, b) => a - b)
      await sleep(1000)
      const after = (await etcd.metrics())('process_cpu_seconds_total')
      samples[id]?.medianMs.push(known[Math.floor(known.length / 2)]!)
      samples[id]?.lastMs.push(known.at(-1)!)
      samples[id]?.etcdCpuMs.push((after - before) * 1000)
    }
  }
  return samples
}
