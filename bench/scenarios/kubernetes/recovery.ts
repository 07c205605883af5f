import { setTimeout as sleep } from 'node:timers/promises'
import { startProxy } from '../../../test/support/net.ts'
import type { Proxy } from '../../../test/support/net.ts'
import { Apiserver, threeAddresses } from '../../apiserver.ts'
import { kubernetesBaselineIds } from '../../baselines.ts'
import type { ByBaseline } from '../../baselines.ts'
import { BaselineProcess, monotonicMs } from '../../processes.ts'
import { shuffled } from '../../stats.ts'
import { noteDelays, waiters } from '../recovery.ts'
import type { Rounds } from '../recovery.ts'

/**
 * Measures how long each program needs when the apiserver was away: its watch has ended with a reset, the list has changed
 * since, and the port opens again. Each process has a port of its own and ten waiters, whose pauses are out of step.
 */
export async function kubernetesRecovery({ rounds, perRound, awayMs }: Rounds): Promise<ByBaseline<number[]>> {
  const samples: ByBaseline<number[]> = {}
  await using apiserver = await Apiserver.start()
  for (let round = 0; round < rounds; round++) {
    await using resources = new AsyncDisposableStack()
    await apiserver.set()
    const proxies: Proxy[] = []
    const outages: (() => Promise<void>)[] = []
    for (const id of shuffled(Array.from({ length: perRound }, () => kubernetesBaselineIds).flat())) {
      const proxy = resources.use(await startProxy(apiserver.endpoint))
      const from = { endpoint: proxy.endpoint, dataDir: apiserver.dataDir }
      const baseline = resources.use(new BaselineProcess(id, from, { waiters }))
      // One after the other, because they share the processors.
      await baseline.waiting
      outages.push(async () => {
        await sleep(awayMs + Math.random() * 5000)
        const openedAt = monotonicMs()
        await proxy.pass()
        await noteDelays((samples[id] ??= []), baseline, () => openedAt)
      })
      proxies.push(proxy)
    }
    for (const proxy of proxies) {
      await proxy.refuse()
      proxy.reset()
    }
    await apiserver.set(...threeAddresses)
    await Promise.all(outages.map((outage) => outage()))
  }
  return samples
}
