import { setTimeout as sleep } from 'node:timers/promises'
import type { BaselineId, ByBaseline } from '../baselines.ts'
import { Etcd, storedList } from '../etcd.ts'
import { BaselineProcess, monotonicMs } from '../processes.ts'
import { shuffled } from '../stats.ts'

export interface Herd {
  /** Milliseconds from the write until half of the waiters have the list, for each round. */
  readonly medianMs: number[]
  /** Milliseconds from the write until all waiters have the list, for each round. */
  readonly lastMs: number[]
  /** CPU time of etcd from the write until a second after the last waiter has the list, for each round. */
  readonly etcdCpuMs: number[]
}

/** The programs that watch. What the others would show is only the interval of their reads. */
const watching: readonly BaselineId[] = ['etcd3-watcher', 'raw-grpc-js', 'this-package']

/** Measures one write that many waiters in one process wait for, each with a connection of its own. */
export async function herd({ rounds, waiters }: { rounds: number; waiters: number }): Promise<ByBaseline<Herd>> {
  const samples: ByBaseline<Herd> = Object.fromEntries(
    watching.map((id) => [id, { medianMs: [], lastMs: [], etcdCpuMs: [] } satisfies Herd]),
  )
  await using etcd = await Etcd.start()
  for (let round = 0; round < rounds; round++) {
    for (const id of shuffled(watching)) {
      const key = `herd/${round}/${id}`
      await using baseline = new BaselineProcess(id, { endpoint: etcd.endpoint, key }, { waiters })
      await baseline.waiting
      await sleep(1500)
      const before = (await etcd.metrics())('process_cpu_seconds_total')
      const sentAt = monotonicMs()
      await etcd.put(key, storedList(3))
      const delays = (await baseline.resolved).map((at) => at - sentAt).toSorted((a, b) => a - b)
      await sleep(1000)
      const after = (await etcd.metrics())('process_cpu_seconds_total')
      samples[id]?.medianMs.push(delays[Math.floor(delays.length / 2)]!)
      samples[id]?.lastMs.push(delays.at(-1)!)
      samples[id]?.etcdCpuMs.push((after - before) * 1000)
    }
  }
  return samples
}
