import { setTimeout as sleep } from 'node:timers/promises'
import { baselineIds } from '../baselines.ts'
import type { BaselineId, ByBaseline } from '../baselines.ts'
import { Etcd, storedList } from '../etcd.ts'
import { BaselineProcess, monotonicMs } from '../processes.ts'
import { shuffled } from '../stats.ts'

interface Waiter {
  readonly id: BaselineId
  readonly key: string
  readonly baseline: BaselineProcess
}

/**
 * Measures the milliseconds from the moment that a write is sent until a waiting process has the list. In each round,
 * several processes of each program wait at the same time, each for a key of its own. The keys are written one after the
 * other, in random order and at random times.
 */
export async function wake({ rounds, perRound }: { rounds: number; perRound: number }): Promise<ByBaseline<number[]>> {
  const samples: ByBaseline<number[]> = {}
  await using etcd = await Etcd.start()
  for (let round = 0; round < rounds; round++) {
    await using processes = new AsyncDisposableStack()
    const waiters: Waiter[] = []
    for (const [index, id] of shuffled(Array.from({ length: perRound }, () => baselineIds).flat()).entries()) {
      const key = `wake/${round}/${index}`
      const baseline = processes.use(new BaselineProcess(id, { endpoint: etcd.endpoint, key }))
      // One after the other, because they share the processors.
      await baseline.waiting
      waiters.push({ id, key, baseline })
    }
    await sleep(500)
    const waits = []
    for (const { id, key, baseline } of shuffled(waiters)) {
      await sleep(100 + Math.random() * 300)
      const sentAt = monotonicMs()
      await etcd.put(key, storedList(3))
      waits.push(baseline.resolved.then(([at = NaN]) => (samples[id] ??= []).push(at - sentAt)))
    }
    await Promise.all(waits)
  }
  return samples
}
