import { EventEmitter } from 'node:events'
import type { ApiserverAddressEvent, ApiserverAddressEvents } from '../../src/events.ts'

type Type = ApiserverAddressEvent['type']
type EventOf<T extends Type> = Extract<ApiserverAddressEvent, { type: T }>

/** Records every event that its emitter emits, in order. */
export class Recorder {
  readonly all: ApiserverAddressEvent[] = []
  readonly emitter = new EventEmitter<ApiserverAddressEvents>()
  #nextEvent = Promise.withResolvers<void>()

  constructor() {
    const { emitter } = this
    const emit = emitter.emit.bind(emitter) as (...args: unknown[]) => boolean
    emitter.emit = (...[type, event]: [Type, ApiserverAddressEvent]) => {
      this.all.push(event)
      const nextEvent = this.#nextEvent
      this.#nextEvent = Promise.withResolvers()
      nextEvent.resolve()
      return emit(type, event)
    }
  }

  get types(): Type[] {
    return this.all.map(({ type }) => type)
  }

  of<T extends Type>(type: T): EventOf<T>[] {
    return this.all.filter((event): event is EventOf<T> => event.type === type)
  }

  /** Removes the events that were recorded so far. */
  clear(): void {
    this.all.length = 0
  }

  /** Resolves when one more event is recorded. */
  next(): Promise<void> {
    return this.#nextEvent.promise
  }

  /** Resolves with the first recorded event of this type that meets the condition, as soon as there is one. */
  async until<T extends Type>(type: T, condition: (event: EventOf<T>) => boolean = () => true): Promise<EventOf<T>> {
    for (;;) {
      const found = this.of(type).find(condition)
      if (found !== undefined) return found
      await this.next()
    }
  }
}
