import { setTimeout as sleep } from 'node:timers/promises'
import { Apiserver } from '../../apiserver.ts'
import { kubernetesBaselineIds } from '../../baselines.ts'
import type { ByBaseline } from '../../baselines.ts'
import { BaselineProcess } from '../../processes.ts'

/** What a waiting program has cost in one period, and its memory at the end of the period. */
export interface KubernetesCost {
  /** Lists and watches. */
  readonly requests: number
  readonly connects: number
  readonly cpuMs: number
  /** The resident memory after a garbage collection. */
  readonly rssMb: number
}

/** Measures two periods in which the list is empty. Each program has an apiserver of its own, which counts the requests. */
export async function kubernetesWaiting({ periodMs }: { periodMs: number }): Promise<ByBaseline<KubernetesCost[]>> {
  const measured = kubernetesBaselineIds.map(async (id) => [id, await costs(id, periodMs)] as const)
  return Object.fromEntries(await Promise.all(measured))
}

async function costs(id: (typeof kubernetesBaselineIds)[number], periodMs: number): Promise<KubernetesCost[]> {
  await using apiserver = await Apiserver.start()
  await apiserver.set()
  await using baseline = new BaselineProcess(id, apiserver, { observed: true })
  await baseline.waiting
  const total = async () => {
    const [{ requests }, { connects, cpuMs }] = [await apiserver.counts(), await baseline.usage()]
    return { requests, connects, cpuMs }
  }
  const periods: KubernetesCost[] = []
  for (let period = 0; period < 2; period++) {
    const before = await total()
    await sleep(periodMs)
    const after = await total()
    periods.push({
      requests: after.requests - before.requests,
      connects: after.connects - before.connects,
      cpuMs: after.cpuMs - before.cpuMs,
      // After the CPU time was read, because the collection needs CPU time.
      rssMb: (await baseline.usage({ collect: true })).rss / 2 ** 20,
    })
  }
  return periods
}
