import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { running } from './processes.ts'
import type { ReadFrom } from './processes.ts'

/** What the process of the apiserver has done and used so far. */
export interface ApiserverCounts {
  /** Lists and watches that were requested. */
  readonly requests: number
  readonly cpuUs: number
  readonly rss: number
}

/** A message to the process. */
export interface ApiserverMessage {
  readonly id: number
  /** The new list, if it changes. */
  readonly addresses?: readonly string[]
  /** Ends all connections and refuses new ones, or accepts them again. */
  readonly listens?: boolean
  /** Writes a new certificate of kube-proxy to the files of the node. */
  readonly rotates?: boolean
}

/** Its answer, and with the id 0 the news that it listens. */
export interface ApiserverReply {
  readonly id: number
  /** CLOCK_MONOTONIC in nanoseconds before the list was changed. */
  readonly at: string
  readonly url: string
  readonly counts: ApiserverCounts
}

/** The fake apiserver of the tests, which answers as the real one does, in a process of its own. */
export class Apiserver implements AsyncDisposable, ReadFrom {
  readonly endpoint: string
  /** The data directory of a node, with the client certificate of kube-proxy. */
  readonly dataDir: string
  readonly #child: ChildProcess
  readonly #closed: Promise<unknown>
  #messages = 0

  private constructor(child: ChildProcess, closed: Promise<unknown>, dataDir: string, endpoint: string) {
    this.#child = child
    this.#closed = closed
    this.dataDir = dataDir
    this.endpoint = endpoint
    running.add(this)
  }

  static async start(): Promise<Apiserver> {
    const dataDir = await mkdtemp(join(tmpdir(), 'rke2-apiserver-resolver.bench.'))
    const child = fork(fileURLToPath(new URL('programs/apiserver.ts', import.meta.url)), [dataDir])
    const closed = once(child, 'close')
    const exited = closed.then(() => Promise.reject(new Error('the process of the apiserver exited')))
    exited.catch(() => {})
    const [{ url }] = (await Promise.race([once(child, 'message'), exited])) as [ApiserverReply]
    return new Apiserver(child, closed, dataDir, url)
  }

  /** Writes the list. Resolves with the time of the write, see `monotonicMs`. */
  async set(...addresses: readonly string[]): Promise<number> {
    const { at } = await this.#send({ addresses })
    return Number(at) / 1e6
  }

  /** Ends all connections and refuses new ones. */
  async stop(): Promise<void> {
    await this.#send({ listens: false })
  }

  /** Accepts connections again. */
  async boot(): Promise<void> {
    await this.#send({ listens: true })
  }

  /** Writes a new client certificate to the files of the node. */
  async rotate(): Promise<void> {
    await this.#send({ rotates: true })
  }

  async counts(): Promise<ApiserverCounts> {
    return (await this.#send({})).counts
  }

  async [Symbol.asyncDispose](): Promise<void> {
    running.delete(this)
    this.#child.kill('SIGKILL')
    await this.#closed
    await rm(this.dataDir, { recursive: true, force: true })
  }

  #send(message: Omit<ApiserverMessage, 'id'>): Promise<ApiserverReply> {
    const id = ++this.#messages
    return new Promise((resolve) => {
      const onMessage = (reply: ApiserverReply) => {
        if (reply.id !== id) return
        this.#child.off('message', onMessage)
        resolve(reply)
      }
      this.#child.on('message', onMessage)
      this.#child.send({ id, ...message })
    })
  }
}

/** A list of three addresses. */
export const threeAddresses: readonly string[] = ['10.0.0.1', '10.0.0.2', '10.0.0.3']
