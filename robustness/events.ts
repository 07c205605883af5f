import { EventEmitter } from 'node:events'
import type { ApiserverAddressEvent, ApiserverAddressEvents } from '../src/index.ts'
import type { EventType } from './plan-calls.ts'

export interface Told {
  readonly at: number
  readonly event: ApiserverAddressEvent
}

/** An emitter, and `listen` is told all that it is given. */
export function emitterTo(listen: (told: Told) => void): EventEmitter<ApiserverAddressEvents> {
  const types: readonly EventType[] = [
    ...(['attempt', 'phase', 'retry', 'probed', 'wake', 'resolved', 'failed', 'aborted'] as const),
    ...(['connected', 'disconnected', 'resynced', 'changed', 'held', 'ignored', 'closed'] as const),
  ]
  const emitter = new EventEmitter<ApiserverAddressEvents>()
  for (const type of types) {
    emitter.on(type, (event: ApiserverAddressEvent) => listen({ at: performance.now(), event }))
  }
  return emitter
}
