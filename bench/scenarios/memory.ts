import { setTimeout as sleep } from 'node:timers/promises'
import { Etcd } from '../etcd.ts'
import { BaselineProcess } from '../processes.ts'

export interface MemorySettings {
  readonly waiters: number
  readonly durationMs: number
}

export interface Memory extends MemorySettings {
  /** Eleven samples at equal intervals, each after a garbage collection. */
  readonly heapMb: number[]
  /** The resident memory at the same times. */
  readonly rssMb: number[]
}

/** Measures the memory of many waiters in one process while they wait. */
export async function memory(settings: MemorySettings): Promise<Memory> {
  await using etcd = await Etcd.start()
  const from = { endpoint: etcd.endpoint, key: 'memory' }
  await using baseline = new BaselineProcess('this-package', from, { waiters: settings.waiters, observed: true })
  return await measureMemory(baseline, settings)
}

/** Measures a process from the moment that all of its waiters wait. */
export async function measureMemory(
  baseline: BaselineProcess,
  { waiters, durationMs }: MemorySettings,
): Promise<Memory> {
  await baseline.waiting
  await sleep(1000)
  const [heapMb, rssMb]: [number[], number[]] = [[], []]
  for (let sample = 0; sample <= 10; sample++) {
    if (sample > 0) await sleep(durationMs / 10)
    const { heap, rss } = await baseline.usage({ collect: true })
    heapMb.push(heap / 2 ** 20)
    rssMb.push(rss / 2 ** 20)
  }
  return { waiters, durationMs, heapMb, rssMb }
}
