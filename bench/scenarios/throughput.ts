import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { Etcd } from '../etcd.ts'
import { monotonicMs } from '../process.ts'

export interface Throughput {
  readonly writes: number
  readonly writesPerSecond: number
  /** Lists that the slow reader was given. */
  readonly yields: number
  readonly lastIsRight: boolean
  /** Milliseconds from the last write until the slow reader had it. */
  readonly behindMs: number
  /** Of the reader's process, after garbage collections: before the writes, and at most while they were made. */
  readonly heapBeforeMb: number
  readonly heapPeakMb: number
}

/** Writes as fast as etcd takes them, and a reader of the watch who takes 50 ms for each list. */
export async function throughput(writes: number): Promise<Throughput> {
  await using etcd = await Etcd.start()
  const key = 'throughput'
  const value = (n: number) => JSON.stringify([`10.0.0.1:6443`, `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}:7443`])
  await etcd.put(key, value(0))
  const program = fileURLToPath(new URL('../programs/slow-reader.js', import.meta.url))
  const reader = spawn(process.execPath, ['--expose-gc', program, '--endpoints', etcd.endpoint, '--key', key], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  try {
    interface Line {
      at: string
      addresses: string[]
      heap: number
    }
    const lines: Line[] = []
    const last = value(writes)
    const caughtUp = Promise.withResolvers<number>()
    const first = Promise.withResolvers<void>()
    createInterface(reader.stdout).on('line', (text) => {
      const line = JSON.parse(text) as Line
      lines.push(line)
      first.resolve()
      if (JSON.stringify(line.addresses) === last) caughtUp.resolve(Number(line.at) / 1e6)
    })
    await first.promise
    const startedAt = monotonicMs()
    let next = 1
    const writer = async () => {
      while (next < writes) await etcd.put(key, value(next++))
    }
    await Promise.all(Array.from({ length: 32 }, writer))
    const seconds = (monotonicMs() - startedAt) / 1000
    const sentAt = monotonicMs()
    await etcd.put(key, last)
    const timeout = AbortSignal.timeout(30_000)
    const at = await Promise.race([caughtUp.promise, once(timeout, 'abort').then(() => NaN)])
    const heaps = lines.map(({ heap }) => heap / 2 ** 20)
    return {
      writes,
      writesPerSecond: writes / seconds,
      yields: lines.length,
      lastIsRight: !Number.isNaN(at),
      behindMs: at - sentAt,
      heapBeforeMb: heaps[0]!,
      heapPeakMb: Math.max(...heaps),
    }
  } finally {
    reader.kill('SIGKILL')
    await once(reader, 'close')
  }
}
