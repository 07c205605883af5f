import type { EventEmitter } from 'node:events'
import type { ApiserverAddressEvent } from '../events.ts'
import type { Source } from '../sources/source.ts'
import type { Clock } from '../util/clock.ts'
import { childLogger } from '../util/logger.ts'
import { observe } from '../util/observe.ts'
import type { Config } from './config.ts'
import { createDebugLog } from './debug-log.ts'
import { hasSubscribers, publish } from './diagnostics.ts'
import { EventLog } from './log.ts'
import { SilenceWarning } from './silence-warning.ts'

/** Delivers one event to everyone who listens. */
export type Emit = (event: ApiserverAddressEvent) => void

/** What the caller has given to receive the events of one call. */
export type Listeners = Pick<Config, 'events' | 'onEvent' | 'logger'>

/**
 * Returns the function that delivers the events of one call to the logger, the emitter, the function and the diagnostics
 * channel of the caller.
 */
export function createEmit(call: number, source: Pick<Source, 'subject'>, listeners: Listeners, clock: Clock): Emit {
  const { events, onEvent, logger } = listeners
  const log = logger && new EventLog(childLogger(logger), clock, source)
  const debugLog = createDebugLog()
  const isSilent = events === undefined && onEvent === undefined && logger === undefined && debugLog === undefined
  const warning = isSilent ? new SilenceWarning(source, clock, hasSubscribers) : undefined
  return (event) => {
    // The reason of an abort belongs to the caller.
    const values = event.type === 'aborted' ? [] : Object.values(event)
    for (const value of values) if (Array.isArray(value)) Object.freeze(value)
    Object.freeze(event)
    observe(() => log?.write(event))
    observe(() => debugLog?.(call, source.subject, event))
    warning?.note(event)
    // TypeScript cannot relate the union of events to the map of their types.
    observe(() => (events as EventEmitter | undefined)?.emit(event.type, event))
    observe(() => onEvent?.(event))
    publish({ call, key: source.subject, event })
  }
}
