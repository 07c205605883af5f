import { EventEmitter } from 'node:events'
import type { ApiserverAddressEvent, ApiserverAddressEvents } from '../../src/index.ts'
import type { ObservedEvent } from '../report/records.ts'

const types = Object.keys({
  attempt: true,
  phase: true,
  retry: true,
  probed: true,
  wake: true,
  resolved: true,
  failed: true,
  aborted: true,
  connected: true,
  disconnected: true,
  resynced: true,
  changed: true,
  held: true,
  ignored: true,
  closed: true,
} satisfies Record<ApiserverAddressEvent['type'], true>) as ApiserverAddressEvent['type'][]

/** Returns an emitter for the option `events`. The listener gets every event of it, with its time. */
export function observeEvents(listener: (observed: ObservedEvent) => void): EventEmitter<ApiserverAddressEvents> {
  const emitter = new EventEmitter<ApiserverAddressEvents>()
  for (const type of types) {
    emitter.on(type, (event: ApiserverAddressEvent) => listener({ at: performance.now(), event }))
  }
  return emitter
}
