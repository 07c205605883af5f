import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { PeerId } from './baselines.ts'

/** CLOCK_MONOTONIC in milliseconds: what the stamps of all processes are on. */
export const monotonicMs = (): number => Number(process.hrtime.bigint()) / 1e6

/** What was started: it ends with the benchmark, also where that fails. */
export const running = new Set<AsyncDisposable>()
process.once('exit', () => {
  for (const one of running) void one[Symbol.asyncDispose]()
})

export interface Usage {
  readonly connects: number
  readonly cpuMs: number
  readonly rss: number
  readonly heap: number
}

export interface PeerOptions {
  readonly waiters?: number
  /** Count connects and answer {@link RunningPeer.usage}, which costs the peer a little. */
  readonly observed?: boolean
}

/** A peer's process. */
export class RunningPeer implements AsyncDisposable {
  readonly startedAt = monotonicMs()
  /** When it had seen that there is no value. */
  readonly waiting: Promise<number>
  /** When each of its waiters knew the value. */
  readonly known: Promise<readonly number[]>
  readonly #child: ChildProcess
  readonly #closed: Promise<unknown>

  constructor(id: PeerId, endpoint: string, key: string, { waiters = 1, observed = false }: PeerOptions = {}) {
    const file = (name: string) => fileURLToPath(new URL(`baselines/${name}.js`, import.meta.url))
    const flags = observed ? ['--expose-gc', '--import', file('observe')] : []
    const args = [...flags, file(id), '--endpoints', endpoint, '--key', key, '--waiters', String(waiters)]
    this.#child = spawn(process.execPath, args, {
      stdio: ['ignore', 'pipe', 'pipe', ...(observed ? ['ipc' as const] : [])],
    })
    running.add(this)
    this.#closed = once(this.#child, 'close')
    let complaint = ''
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => (complaint += text))

    const waiting = Promise.withResolvers<number>()
    const known = Promise.withResolvers<readonly number[]>()
    this.waiting = waiting.promise
    this.known = known.promise
    createInterface(this.#child.stdout!).on('line', (line) => {
      const { state, at } = JSON.parse(line) as { state: string; at: string | readonly string[] }
      if (state === 'waiting') waiting.resolve(Number(at) / 1e6)
      else known.resolve((at as readonly string[]).map((stamp) => Number(stamp) / 1e6))
    })
    void this.#closed.then(() => {
      const error = new Error(`${id} ended: ${complaint.slice(0, 500)}`)
      waiting.reject(error)
      known.reject(error)
    })
    // Not every scenario asks for both.
    this.waiting.catch(() => {})
    this.known.catch(() => {})
  }

  /** What it has used since it started. */
  async usage({ collect = false } = {}): Promise<Usage> {
    this.#child.send({ collect })
    const [usage] = (await once(this.#child, 'message')) as [Usage]
    return usage
  }

  async [Symbol.asyncDispose](): Promise<void> {
    running.delete(this)
    this.#child.kill('SIGKILL')
    await this.#closed
  }
}

export interface Run {
  /** To the first byte on stdout. */
  readonly knownMs: number
  /** To the end of the process. */
  readonly exitMs: number
  readonly stdout: string
}

/** Runs a Node program to its end. */
export async function runProgram(args: readonly string[], env: NodeJS.ProcessEnv = process.env): Promise<Run> {
  const startedAt = monotonicMs()
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'], env })
  let [stdout, stderr, knownMs] = ['', '', NaN]
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    if (stdout === '') knownMs = monotonicMs() - startedAt
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  let exitMs = NaN
  child.once('exit', () => (exitMs = monotonicMs() - startedAt))
  const [code] = (await once(child, 'close')) as [number]
  if (code !== 0) throw new Error(`node ${args.join(' ')}: exit code ${code}: ${stderr}`)
  return { knownMs, exitMs, stdout }
}
