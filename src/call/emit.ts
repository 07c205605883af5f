import { channel } from 'node:diagnostics_channel'
import type { EventEmitter } from 'node:events'
import type { Logger } from 'pino'
import type { ApiserverAddressEvent, ApiserverAddressEvents, DiagnosticsMessage } from '../events.ts'
import type { Source } from '../sources/source.ts'
import type { Clock } from '../util/clock.ts'
import { childLogger, observe } from '../util/observe.ts'
import { EventLog } from './log.ts'

/** Delivers one event to everyone who listens. */
export type Emit = (event: ApiserverAddressEvent) => void

const diagnostics = channel('rke2-apiserver-resolver')
let calls = 0

/** Returns the function that delivers the events of one call to the logger, the emitter and the diagnostics channel. */
export function createEmit(
  source: Pick<Source, 'subject'>,
  events: EventEmitter<ApiserverAddressEvents> | undefined,
  logger: Logger | undefined,
  clock: Clock,
): Emit {
  const call = ++calls
  const log = createLog(source, logger, clock)
  return (event) => {
    for (const value of Object.values(event)) if (Array.isArray(value)) Object.freeze(value)
    Object.freeze(event)
    observe(() => log?.write(event))
    // TypeScript cannot relate the union of events to the map of their types.
    observe(() => (events as EventEmitter | undefined)?.emit(event.type, event))
    // Without `observe`: Node catches what a subscriber throws.
    if (diagnostics.hasSubscribers) {
      diagnostics.publish(Object.freeze({ call, key: source.subject, event } satisfies DiagnosticsMessage))
    }
  }
}

/** Returns no log if the logger cannot make a child: its error must not end the call. */
function createLog(source: Pick<Source, 'subject'>, logger: Logger | undefined, clock: Clock): EventLog | undefined {
  let log: EventLog | undefined
  observe(() => {
    const child = childLogger(logger)
    if (child !== undefined) log = new EventLog(child, clock, source)
  })
  return log
}
