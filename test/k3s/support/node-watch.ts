import type { ChildProcess } from 'node:child_process'
import type { EventEmitter } from 'node:events'
import { createInterface } from 'node:readline'
import type { ApiserverAddressEvent, ResolveOptions } from '../../../src/index.ts'
import { Recorder } from '../../support/recorder.ts'
import type { Node } from './cluster.ts'
import { end, start } from './program.ts'

type Type = ApiserverAddressEvent['type']
type EventOf<T extends Type> = Extract<ApiserverAddressEvent, { type: T }>

const program = new URL('watch-program.ts', import.meta.url).pathname

/** A watch in the network of a node, with the events that it has emitted. */
export class NodeWatch implements AsyncDisposable {
  readonly node: Node
  readonly events = new Recorder()
  /** The current list, and its source. They are `undefined` before there is a list. */
  addresses: readonly string[] | undefined
  source: 'etcd' | 'kubernetes' | undefined
  readonly #child: ChildProcess
  readonly #ended = Promise.withResolvers<never>()

  constructor(node: Node, options: ResolveOptions) {
    this.node = node
    this.#child = start(node.host.enter([process.execPath, program, JSON.stringify(options)]), [
      'ignore',
      'pipe',
      'inherit',
    ])
    this.#ended.promise.catch(() => {})
    this.#child.once('close', (code, signal) => {
      this.#ended.reject(new Error(`the watch on ${node.name} has ended: ${signal ?? code}`))
    })
    const emitter: EventEmitter = this.events.emitter
    createInterface({ input: this.#child.stdout! }).on('line', (line) => {
      const event = JSON.parse(line) as ApiserverAddressEvent
      if (event.type === 'resolved' || event.type === 'changed') {
        this.addresses = event.addresses
        this.source = event.source
      }
      emitter.emit(event.type, event)
    })
  }

  /** Resolves with the first recorded event of this type that meets the condition. Rejects if the watch ends before. */
  async until<T extends Type>(type: T, condition?: (event: EventOf<T>) => boolean): Promise<EventOf<T>> {
    return Promise.race([this.events.until(type, condition), this.#ended.promise])
  }

  /** Resolves when the current list has exactly these addresses. Rejects if the watch ends before. */
  async untilList(addresses: readonly string[]): Promise<void> {
    const expected = addresses.toSorted().join()
    while (this.addresses?.toSorted().join() !== expected) {
      await Promise.race([this.events.next(), this.#ended.promise])
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await end(this.#child, 'SIGTERM')
  }
}
