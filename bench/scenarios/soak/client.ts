import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { running } from '../../processes.ts'

/** What the process holds when all of its calls and short watches have ended, and how many it has made. */
export interface Held {
  readonly heapMb: number
  readonly rssMb: number
  /** The types of the active resources, sorted. */
  readonly handles: readonly string[]
  readonly calls: number
  readonly watches: number
}

interface Rates {
  readonly callEveryMs: number
  readonly watchEveryMs: number
}

type Message =
  | { readonly sample: Held; readonly at?: never }
  | { readonly sample?: never; readonly at: string; readonly addresses: readonly string[] }

/** The process that runs `programs/soak.js`. */
export class SoakClient implements AsyncDisposable {
  readonly #child: ChildProcess
  readonly #closed: Promise<unknown>
  readonly #exited: Promise<never>

  /** @param where options of the calls: where they read the list */
  constructor(where: object, { callEveryMs, watchEveryMs }: Rates) {
    const program = fileURLToPath(new URL('../../programs/soak.js', import.meta.url))
    const rates = ['--call-every-ms', String(callEveryMs), '--watch-every-ms', String(watchEveryMs)]
    this.#child = spawn(process.execPath, ['--expose-gc', program, '--where', JSON.stringify(where), ...rates], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    running.add(this)
    this.#closed = once(this.#child, 'close')
    this.#exited = this.#closed.then(() => Promise.reject(new Error('the process of the soak exited')))
    this.#exited.catch(() => {})
  }

  /** Resolves with the time when the watch yields a list with this address. Rejects after 60 s without one. */
  received(address: string): Promise<number> {
    return this.#message((message) => {
      const isExpected = message.at !== undefined && message.addresses.some((each) => each.startsWith(`${address}:`))
      return isExpected ? Number(message.at) / 1e6 : undefined
    }, `the watch yielded no list with ${address}`)
  }

  /** Resolves with what the process holds between two events. */
  held(): Promise<Held> {
    const held = this.#message(({ sample }) => sample, 'a call or watch of the soak did not end')
    this.#child.send({})
    return held
  }

  async [Symbol.asyncDispose](): Promise<void> {
    running.delete(this)
    this.#child.kill('SIGKILL')
    await this.#closed
  }

  /** Resolves with the first result of `select` that is not `undefined`. */
  #message<Result>(select: (message: Message) => Result | undefined, failure: string): Promise<Result> {
    const { promise, resolve, reject } = Promise.withResolvers<Result>()
    const onMessage = (message: Message) => {
      const result = select(message)
      if (result !== undefined) resolve(result)
    }
    this.#child.on('message', onMessage)
    const timer = setTimeout(() => reject(new Error(`${failure} within 60 s`)), 60_000)
    return Promise.race([promise, this.#exited]).finally(() => {
      clearTimeout(timer)
      this.#child.off('message', onMessage)
    })
  }
}
