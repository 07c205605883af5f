import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { BaselineId } from './baselines.ts'

/** Returns CLOCK_MONOTONIC in milliseconds, the clock of the timestamps of all processes. */
export const monotonicMs = (): number => Number(process.hrtime.bigint()) / 1e6

/** What was started and is not stopped yet. It is stopped when the benchmark exits, also after an error. */
export const running = new Set<AsyncDisposable>()
process.once('exit', () => {
  for (const each of running) void each[Symbol.asyncDispose]()
})

export interface Usage {
  readonly connects: number
  readonly cpuMs: number
  readonly rss: number
  readonly heap: number
}

/** Where a program reads the list: a key in etcd or, with the data directory of a node, an apiserver. */
export interface ReadFrom {
  readonly endpoint: string
  readonly key?: string
  readonly dataDir?: string
}

export interface BaselineOptions {
  readonly waiters?: number
  /** Counts connects and makes {@link BaselineProcess.usage} available, which costs the process a little. */
  readonly observed?: boolean
}

/** A process that runs one of the compared programs. */
export class BaselineProcess implements AsyncDisposable {
  /** Resolves with the time when all waiters had read the key and had found no value. */
  readonly waiting: Promise<number>
  /** Resolves with the time when each waiter had the value. */
  readonly resolved: Promise<readonly number[]>
  readonly #child: ChildProcess
  readonly #closed: Promise<unknown>

  constructor(id: BaselineId, from: ReadFrom, { waiters = 1, observed = false }: BaselineOptions = {}) {
    const file = (name: string) => fileURLToPath(new URL(`baselines/${name}.js`, import.meta.url))
    const flags = observed ? ['--expose-gc', '--import', file('support/observe')] : []
    const args = [...flags, file(id), '--endpoints', from.endpoint, '--waiters', String(waiters)]
    if (from.key !== undefined) args.push('--key', from.key)
    if (from.dataDir !== undefined) args.push('--data-dir', from.dataDir)
    this.#child = spawn(process.execPath, args, {
      stdio: ['ignore', 'pipe', 'pipe', ...(observed ? ['ipc' as const] : [])],
    })
    running.add(this)
    this.#closed = once(this.#child, 'close')

    const waiting = Promise.withResolvers<number>()
    const resolved = Promise.withResolvers<readonly number[]>()
    this.waiting = waiting.promise
    this.resolved = resolved.promise
    createInterface(this.#child.stdout!).on('line', (line) => {
      const { state, at } = JSON.parse(line) as { state: string; at: string | readonly string[] }
      if (state === 'waiting') waiting.resolve(Number(at) / 1e6)
      else resolved.resolve((at as readonly string[]).map((nanoseconds) => Number(nanoseconds) / 1e6))
    })

    let stderr = ''
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text))
    void this.#closed.then(() => {
      const error = new Error(`the process of ${id} exited: ${stderr.slice(0, 500)}`)
      waiting.reject(error)
      resolved.reject(error)
    })
    // Not every scenario waits for both.
    this.waiting.catch(() => {})
    this.resolved.catch(() => {})
  }

  /** Returns what the process has used since it started. */
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

export interface ProgramRun {
  /** From the start of the process to the first byte on stdout. */
  readonly outputMs: number
  /** From the start of the process to its exit. */
  readonly exitMs: number
  readonly stdout: string
}

/** Runs a Node program until it exits. Rejects if its exit code is not 0. */
export async function runProgram(args: readonly string[]): Promise<ProgramRun> {
  const startedAt = monotonicMs()
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let [stdout, stderr, outputMs] = ['', '', NaN]
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    if (stdout === '') outputMs = monotonicMs() - startedAt
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  let exitMs = NaN
  child.once('exit', () => (exitMs = monotonicMs() - startedAt))
  const [code] = (await once(child, 'close')) as [number]
  if (code !== 0) throw new Error(`node ${args.join(' ')}: exit code ${code}: ${stderr}`)
  return { outputMs, exitMs, stdout }
}
