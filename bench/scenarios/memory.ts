import { setTimeout as sleep } from 'node:timers/promises'
import { Etcd } from '../etcd.ts'
import { RunningPeer } from '../process.ts'

export interface Memory {
  readonly waiters: number
  readonly durationMs: number
  /** After a garbage collection, every so often. */
  readonly heapMb: number[]
  readonly rssMb: number[]
}

/** What many waiters hold while they wait. */
export async function memory(waiters: number, durationMs: number): Promise<Memory> {
  await using etcd = await Etcd.start()
  await using peer = new RunningPeer('this-package', etcd.endpoint, 'memory', { waiters, observed: true })
  await peer.waiting
  await sleep(1000)
  const [heapMb, rssMb]: [number[], number[]] = [[], []]
  for (let sample = 0; sample <= 10; sample++) {
    if (sample > 0) await sleep(durationMs / 10)
    const { heap, rss } = await peer.usage({ collect: true })
    heapMb.push(heap / 2 ** 20)
    rssMb.push(rss / 2 ** 20)
  }
  return { waiters, durationMs, heapMb, rssMb }
}
