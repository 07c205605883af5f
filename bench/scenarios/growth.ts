import { setTimeout as sleep } from 'node:timers/promises'
import { parseAddresses } from '../../src/addresses/addresses.ts'
import type { PeerId } from '../baselines.ts'
import { addresses, Etcd } from '../etcd.ts'
import { monotonicMs, RunningPeer } from '../process.ts'
import { median, shuffled } from '../stats.ts'

export interface BySize {
  readonly size: number
  /** Milliseconds from a write until this package, and the floor, know; the last of them where there are several. */
  readonly oursMs: number
  readonly floorMs: number
}

export interface ByAddresses extends BySize {
  /** Milliseconds of `JSON.parse` alone, and of the whole validation. */
  readonly jsonMs: number
  readonly validationMs: number
}

export interface ByWaiters extends BySize {
  /** Of this package's process, for each waiter beyond the first. */
  readonly kbPerWaiter: number
}

export async function byAddresses(sizes: readonly number[], rounds: number): Promise<ByAddresses[]> {
  await using etcd = await Etcd.start()
  const rows = []
  for (const size of sizes) rows.push({ ...(await wake(etcd, size, 1, rounds)), ...validation(size) })
  return rows
}

export async function byWaiters(sizes: readonly number[], rounds: number): Promise<ByWaiters[]> {
  await using etcd = await Etcd.start()
  const one = await residentBytes(etcd, 1)
  const rows = []
  for (const size of sizes) {
    const bytes = size === 1 ? NaN : ((await residentBytes(etcd, size)) - one) / (size - 1)
    rows.push({ ...(await wake(etcd, 3, size, rounds)), kbPerWaiter: bytes / 1024 })
  }
  return rows.map((row, index) => ({ ...row, size: sizes[index]! }))
}

let keys = 0

async function wake(etcd: Etcd, size: number, waiters: number, rounds: number): Promise<BySize> {
  const samples: Record<string, number[]> = {}
  for (let round = 0; round < rounds; round++) {
    for (const id of shuffled(['floor', 'this-package'] satisfies PeerId[])) {
      const key = `growth/${keys++}`
      await using peer = new RunningPeer(id, etcd.endpoint, key, { waiters })
      await peer.waiting
      await sleep(200)
      const sentAt = monotonicMs()
      await etcd.put(key, addresses(size))
      const known = await peer.known
      ;(samples[id] ??= []).push(Math.max(...known) - sentAt)
    }
  }
  return { size, oursMs: median(samples['this-package']!), floorMs: median(samples['floor']!) }
}

/** After a garbage collection. */
async function residentBytes(etcd: Etcd, waiters: number): Promise<number> {
  await using peer = new RunningPeer('this-package', etcd.endpoint, `growth/${keys++}`, { waiters, observed: true })
  await peer.waiting
  await sleep(1000)
  return (await peer.usage({ collect: true })).rss
}

/** In this process, after a warm-up. */
function validation(size: number): Pick<ByAddresses, 'jsonMs' | 'validationMs'> {
  const bytes = Buffer.from(addresses(size))
  const repeat = Math.max(1, Math.floor(2000 / size))
  const time = (work: () => unknown) => {
    const startedAt = performance.now()
    for (let i = 0; i < repeat; i++) work()
    return (performance.now() - startedAt) / repeat
  }
  const samples = Array.from({ length: 60 }, () => ({
    json: time(() => JSON.parse(bytes.toString())),
    all: time(() => parseAddresses(bytes)),
  })).slice(10)
  return { jsonMs: median(samples.map(({ json }) => json)), validationMs: median(samples.map(({ all }) => all)) }
}
