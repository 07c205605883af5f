import { setTimeout as sleep } from 'node:timers/promises'
import { startProxy } from '../../test/support/net.ts'
import { baselineIds } from '../baselines.ts'
import type { ByBaseline } from '../baselines.ts'
import { Etcd, storedList } from '../etcd.ts'
import { BaselineProcess, monotonicMs } from '../processes.ts'
import { shuffled } from '../stats.ts'

export interface Rounds {
  readonly rounds: number
  /** Processes of each program in a round. */
  readonly perRound: number
  /** How long etcd or the port is away. */
  readonly awayMs: number
}

/** Each process has this many waiters that are out of step, because chance decides when the next connect is due. */
export const waiters = 10

/** Notes the delay of each waiter of a process, from the time that `since` returns when all of them have the list. */
export async function noteDelays(samples: number[], baseline: BaselineProcess, since: () => number): Promise<void> {
  const resolvedAt = await baseline.resolved
  samples.push(...resolvedAt.map((at) => at - since()))
}

/**
 * Measures how long each program needs when etcd was away with the key set, and boots: milliseconds from the start of
 * etcd's process. Most of that time is etcd's own, which listens before it answers.
 */
export async function recovery({ rounds, perRound, awayMs }: Rounds): Promise<ByBaseline<number[]>> {
  const samples: ByBaseline<number[]> = {}
  await using etcd = await Etcd.start()
  await etcd.put('recovery', storedList(3))
  await etcd.stop()
  for (let round = 0; round < rounds; round++) {
    await using processes = new AsyncDisposableStack()
    const waits = []
    let bootedAt = NaN
    for (const id of shuffled(Array.from({ length: perRound }, () => baselineIds).flat())) {
      const from = { endpoint: etcd.endpoint, key: 'recovery' }
      const baseline = processes.use(new BaselineProcess(id, from, { waiters }))
      waits.push(noteDelays((samples[id] ??= []), baseline, () => bootedAt))
      await sleep(300 + Math.random() * 300)
    }
    await sleep(awayMs)
    bootedAt = monotonicMs()
    await etcd.boot()
    await Promise.all(waits)
    await etcd.stop()
  }
  return samples
}

/**
 * Measures how long each program needs when a port was closed and opens in front of an etcd that answers at once: this is
 * the delay of the client alone. Each process has a port of its own. The ports open one after the other.
 */
export async function reopen({ rounds, perRound, awayMs }: Rounds): Promise<ByBaseline<number[]>> {
  const samples: ByBaseline<number[]> = {}
  await using etcd = await Etcd.start()
  await etcd.put('reopen', storedList(3))
  for (let round = 0; round < rounds; round++) {
    await using resources = new AsyncDisposableStack()
    const waits = []
    for (const id of shuffled(Array.from({ length: perRound }, () => baselineIds).flat())) {
      const proxy = resources.use(await startProxy(etcd.endpoint))
      await proxy.refuse()
      const baseline = resources.use(
        new BaselineProcess(id, { endpoint: proxy.endpoint, key: 'reopen' }, { waiters: 10 }),
      )
      const openPort = async () => {
        await sleep(awayMs + Math.random() * 5000)
        const openedAt = monotonicMs()
        await proxy.pass()
        await noteDelays((samples[id] ??= []), baseline, () => openedAt)
      }
      waits.push(openPort())
      await sleep(300 + Math.random() * 300)
    }
    await Promise.all(waits)
  }
  return samples
}
