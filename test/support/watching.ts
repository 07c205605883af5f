import { EventEmitter } from 'node:events'
import { Source } from '../../src/etcd/source.ts'
import type { ApiserverAddressEvent, ApiserverAddressEvents } from '../../src/events.ts'
import type { AddressChange, WatchOptions } from '../../src/index.ts'
import { parseOptions } from '../../src/config.ts'
import { Watch } from '../../src/watch.ts'
import { VirtualClock } from './clock.ts'
import { FakeEtcd } from './fake-etcd.ts'

type Type = ApiserverAddressEvent['type']
export type EventOf<T extends Type> = Extract<ApiserverAddressEvent, { type: T }>

/** Every event that an emitter was given, in order. */
export class Recorder {
  readonly all: ApiserverAddressEvent[] = []
  readonly emitter = new EventEmitter<ApiserverAddressEvents>()
  #news = Promise.withResolvers<void>()

  constructor() {
    const { emitter } = this
    const emit = emitter.emit.bind(emitter) as (...args: unknown[]) => boolean
    emitter.emit = (...[type, event]: [Type, ApiserverAddressEvent]) => {
      this.all.push(event)
      const news = this.#news
      this.#news = Promise.withResolvers()
      news.resolve()
      return emit(type, event)
    }
  }

  get types(): Type[] {
    return this.all.map(({ type }) => type)
  }

  of<T extends Type>(type: T): EventOf<T>[] {
    return this.all.filter((event): event is EventOf<T> => event.type === type)
  }

  /** Forgets what was told so far. */
  clear(): void {
    this.all.length = 0
  }

  /** Resolves with the first event of this type, and of this nature, that is or will be there. */
  async until<T extends Type>(type: T, when: (event: EventOf<T>) => boolean = () => true): Promise<EventOf<T>> {
    for (;;) {
      const found = this.of(type).find(when)
      if (found !== undefined) return found
      await this.#news.promise
    }
  }
}

/** A watch of a fake etcd, in time that the test lets pass. */
export function watchFake(options: WatchOptions = {}, random?: () => number) {
  const clock = new VirtualClock(random)
  const etcd = new FakeEtcd(clock)
  const events = new Recorder()
  const config = parseOptions({ endpoints: 'http://fake:2379', ...options, events: events.emitter }, 'watch')
  const watch = new Watch(config, clock, new Source(config, clock, etcd.connect, async () => {}))
  return { clock, etcd, events, watch }
}

/** A watch of a fake etcd that has given its first list, and by now follows the key; the events so far are forgotten. */
export async function followFake(first: readonly string[], ...more: Parameters<typeof watchFake>) {
  const parts = watchFake(...more)
  parts.etcd.putList(...first)
  await parts.watch.next()
  await parts.events.until('connected')
  parts.events.clear()
  return parts
}

/** What a `next()` has come to, if anything. */
export function outcome(next: Promise<IteratorResult<AddressChange, undefined>>): { is: unknown } {
  const seen: { is: unknown } = { is: 'pending' }
  next.then(
    ({ done, value }) => (seen.is = done === true ? 'done' : value),
    (error: unknown) => (seen.is = { error }),
  )
  return seen
}
