import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { Etcd } from '../etcd.ts'
import { monotonicMs } from '../processes.ts'

export interface Throughput {
  readonly writes: number
  readonly writesPerSecond: number
  /** The number of lists that the slow reader received. */
  readonly lists: number
  /** Whether the last list that the slow reader received is the last one written. */
  readonly lastIsCurrent: boolean
  /** Milliseconds from the last write until the slow reader received it, if it did. */
  readonly delayMs?: number
  /** The heap of the reader, after a garbage collection, before the writes. */
  readonly heapBeforeMb: number
  /** The largest heap of the reader, after a garbage collection, during the writes. */
  readonly heapPeakMb: number
}

const key = 'throughput'
const writers = 32
const value = (n: number) => JSON.stringify([`10.0.0.1:6443`, `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}:7443`])

/** Writes as fast as etcd accepts writes, while a reader of the watch takes 50 ms for each list. */
export async function throughput({ writes }: { writes: number }): Promise<Throughput> {
  await using etcd = await Etcd.start()
  await etcd.put(key, value(0))
  await using reader = new SlowReader(etcd.endpoint)
  await reader.first

  const startedAt = monotonicMs()
  let next = 1
  const write = async () => {
    while (next < writes) await etcd.put(key, value(next++))
  }
  await Promise.all(Array.from({ length: writers }, write))
  const seconds = (monotonicMs() - startedAt) / 1000

  const sentAt = monotonicMs()
  await etcd.put(key, value(writes))
  const receivedAt = await reader.received(value(writes))
  const heaps = reader.lines.map(({ heap }) => heap / 2 ** 20)
  return {
    writes,
    writesPerSecond: writes / seconds,
    lists: heaps.length,
    lastIsCurrent: receivedAt !== undefined,
    ...(receivedAt !== undefined && { delayMs: receivedAt - sentAt }),
    heapBeforeMb: heaps[0]!,
    heapPeakMb: Math.max(...heaps),
  }
}

interface Line {
  readonly at: string
  readonly addresses: readonly string[]
  readonly heap: number
}

/** The process that runs `programs/slow-reader.js`. */
class SlowReader implements AsyncDisposable {
  readonly lines: Line[] = []
  /** Resolves when the reader has received its first list. */
  readonly first: Promise<void>
  readonly #child
  readonly #closed: Promise<unknown>
  #onLine = (_line: Line): void => {}

  constructor(endpoint: string) {
    const program = fileURLToPath(new URL('../programs/slow-reader.js', import.meta.url))
    this.#child = spawn(process.execPath, ['--expose-gc', program, '--endpoints', endpoint, '--key', key], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    this.#closed = once(this.#child, 'close')
    const first = Promise.withResolvers<void>()
    this.first = first.promise
    createInterface(this.#child.stdout).on('line', (text) => {
      const line = JSON.parse(text) as Line
      this.lines.push(line)
      first.resolve()
      this.#onLine(line)
    })
  }

  /** Resolves with the time when the reader received this value, or with `undefined` if it has not after 30 s. */
  received(expected: string): Promise<number | undefined> {
    const timeout = once(AbortSignal.timeout(30_000), 'abort').then(() => undefined)
    const received = new Promise<number>((resolve) => {
      this.#onLine = ({ at, addresses }) => {
        if (JSON.stringify(addresses) === expected) resolve(Number(at) / 1e6)
      }
      for (const line of this.lines) this.#onLine(line)
    })
    return Promise.race([received, timeout])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#closed
  }
}
