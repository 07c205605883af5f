import type { ApiserverAddressEvent } from '../../src/events.ts'

type Type = ApiserverAddressEvent['type']

/** The compiler refuses a type that is missing here, and one that does not exist. */
const types: Record<Type, true> = {
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
}

/** The type of every event, in the order of docs/events.md. */
export const eventTypes = Object.keys(types) as Type[]
