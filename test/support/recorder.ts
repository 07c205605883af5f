import { EventEmitter } from 'node:events'
import type { ApiserverAddressEvent, ApiserverAddressEvents } from '../../src/events.ts'

type Type = ApiserverAddressEvent['type']
type EventOf<T extends Type> = Extract<ApiserverAddressEvent, { type: T }>

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

  /** Forgets the events so far. */
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
