import { Apiserver } from '../../apiserver.ts'
import { kubernetesBaselineIds } from '../../baselines.ts'
import type { ByBaseline } from '../../baselines.ts'
import { BaselineProcess } from '../../processes.ts'
import { measureMemory } from '../memory.ts'
import type { Memory, MemorySettings } from '../memory.ts'

/** Measures the memory of many waiters in one process while they wait, each with a connection of its own. */
export async function kubernetesMemory(settings: MemorySettings): Promise<ByBaseline<Memory>> {
  await using apiserver = await Apiserver.start()
  await apiserver.set()
  const measured = kubernetesBaselineIds.map(async (id) => {
    await using baseline = new BaselineProcess(id, apiserver, { waiters: settings.waiters, observed: true })
    return [id, await measureMemory(baseline, settings)] as const
  })
  return Object.fromEntries(await Promise.all(measured))
}
