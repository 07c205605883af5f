import { setTimeout as sleep } from 'node:timers/promises'
import { Apiserver, threeAddresses } from '../../apiserver.ts'
import { kubernetesBaselineIds } from '../../baselines.ts'
import type { ByBaseline } from '../../baselines.ts'
import { BaselineProcess } from '../../processes.ts'
import { shuffled } from '../../stats.ts'

/**
 * Measures the milliseconds from the moment that the apiserver changes the list until a waiting process has it. The
 * processes wait one after the other, because a change wakes all watches of the list.
 */
export async function kubernetesWake({ rounds }: { rounds: number }): Promise<ByBaseline<number[]>> {
  const samples: ByBaseline<number[]> = {}
  await using apiserver = await Apiserver.start()
  for (let round = 0; round < rounds; round++) {
    for (const id of shuffled(kubernetesBaselineIds)) {
      await apiserver.set()
      await using baseline = new BaselineProcess(id, apiserver)
      await baseline.waiting
      await sleep(300 + Math.random() * 300)
      const changedAt = await apiserver.set(...threeAddresses)
      const [at = NaN] = await baseline.resolved
      ;(samples[id] ??= []).push(at - changedAt)
    }
  }
  return samples
}
