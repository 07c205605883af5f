import { EventEmitter } from 'node:events'
import type { ApiserverAddressEvent, ApiserverAddressEvents } from '../../src/index.ts'
import { eventTypes } from '../../test/support/event-types.ts'
import type { ObservedEvent } from '../report/records.ts'

/** Returns an emitter for the option `events`. The listener gets every event of it, with its time. */
export function observeEvents(listener: (observed: ObservedEvent) => void): EventEmitter<ApiserverAddressEvents> {
  const emitter = new EventEmitter<ApiserverAddressEvents>()
  for (const type of eventTypes) {
    emitter.on(type, (event: ApiserverAddressEvent) => listener({ at: performance.now(), event }))
  }
  return emitter
}
