// Watches the list with the options in the first argument, and prints each event as a line of JSON. It runs in the
// network of a node.
import { EventEmitter } from 'node:events'
import type { ApiserverAddressEvents, WatchOptions } from '../../../src/index.ts'
import { watchApiserverAddresses } from '../../../src/index.ts'
import { eventTypes } from '../../support/event-types.ts'

const options = JSON.parse(process.argv[2] ?? '{}') as WatchOptions
const events = new EventEmitter<ApiserverAddressEvents>()
for (const type of eventTypes) {
  events.on(type, (event: object) => console.log(JSON.stringify(event, (_key, value: unknown) => plain(value))))
}
const watch = watchApiserverAddresses({ ...options, events, timeoutMs: Infinity })
process.once('SIGTERM', () => watch.close())
// The events have the lists.
while (!(await watch.next()).done);

function plain(value: unknown): unknown {
  return value instanceof Error ? { message: value.message } : value
}
