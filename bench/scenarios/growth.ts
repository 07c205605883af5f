import { setTimeout as sleep } from 'node:timers/promises'
import { parseAddresses } from '../../src/addresses/parse.ts'
import { Etcd, storedList } from '../etcd.ts'
import { BaselineProcess, monotonicMs } from '../processes.ts'
import { median, shuffled } from '../stats.ts'

interface BySize {
  readonly size: number
  /** Milliseconds from a write until this package has the list; with several waiters, until the last one has it. */
  readonly packageMs: number
  /** The same for raw grpc-js. */
  readonly rawGrpcJsMs: number
}

export interface ByAddresses extends BySize {
  /** Milliseconds that `JSON.parse` alone takes. */
  readonly jsonMs: number
  /** Milliseconds that parsing and checking the stored value takes. */
  readonly validationMs: number
}

export interface ByWaiters extends BySize {
  /** Memory of this package's process for each waiter after the first; absent for one waiter. */
  readonly kbPerWaiter?: number
}

interface Rounds {
  readonly sizes: readonly number[]
  readonly rounds: number
}

/** Measures the time from a write to the list, for lists of several sizes. */
export async function byAddresses({ sizes, rounds }: Rounds): Promise<ByAddresses[]> {
  await using etcd = await Etcd.start()
  const rows = []
  for (const size of sizes) {
    rows.push({ size, ...(await wake(etcd, { addresses: size, waiters: 1, rounds })), ...validation(size) })
  }
  return rows
}

/** Measures the time from a write to the list, and the memory, for several numbers of waiters in one process. */
export async function byWaiters({ sizes, rounds }: Rounds): Promise<ByWaiters[]> {
  await using etcd = await Etcd.start()
  const bytesOfOne = await residentBytes(etcd, 1)
  const kbPerWaiter = async (size: number) => ((await residentBytes(etcd, size)) - bytesOfOne) / (size - 1) / 1024
  const rows = []
  for (const size of sizes) {
    const memory = size > 1 ? { kbPerWaiter: await kbPerWaiter(size) } : {}
    rows.push({ size, ...(await wake(etcd, { addresses: 3, waiters: size, rounds })), ...memory })
  }
  return rows
}

let keys = 0
const freshKey = () => `growth/${keys++}`

async function wake(
  etcd: Etcd,
  { addresses, waiters, rounds }: { addresses: number; waiters: number; rounds: number },
): Promise<Omit<BySize, 'size'>> {
  const samples: Record<'raw-grpc-js' | 'this-package', number[]> = { 'raw-grpc-js': [], 'this-package': [] }
  for (let round = 0; round < rounds; round++) {
    for (const id of shuffled(['raw-grpc-js', 'this-package'] as const)) {
      const key = freshKey()
      await using baseline = new BaselineProcess(id, { endpoint: etcd.endpoint, key }, { waiters })
      await baseline.waiting
      await sleep(200)
      const sentAt = monotonicMs()
      await etcd.put(key, storedList(addresses))
      samples[id].push(Math.max(...(await baseline.resolved)) - sentAt)
    }
  }
  return { packageMs: median(samples['this-package']), rawGrpcJsMs: median(samples['raw-grpc-js']) }
}

/** Returns the resident memory of this package's process after a garbage collection. */
async function residentBytes(etcd: Etcd, waiters: number): Promise<number> {
  await using baseline = new BaselineProcess(
    'this-package',
    { endpoint: etcd.endpoint, key: freshKey() },
    { waiters, observed: true },
  )
  await baseline.waiting
  await sleep(1000)
  return (await baseline.usage({ collect: true })).rss
}

/** Measures the validation of a stored value in this process. The first ten samples are a warm-up. */
function validation(size: number): Pick<ByAddresses, 'jsonMs' | 'validationMs'> {
  const bytes = Buffer.from(storedList(size))
  const repeat = Math.max(1, Math.floor(2000 / size))
  const time = (work: () => unknown) => {
    const startedAt = performance.now()
    for (let i = 0; i < repeat; i++) work()
    return (performance.now() - startedAt) / repeat
  }
  const samples = Array.from({ length: 60 }, () => ({
    jsonMs: time(() => JSON.parse(bytes.toString())),
    validationMs: time(() => parseAddresses(bytes)),
  })).slice(10)
  return {
    jsonMs: median(samples.map(({ jsonMs }) => jsonMs)),
    validationMs: median(samples.map(({ validationMs }) => validationMs)),
  }
}
