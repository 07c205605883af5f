import type { Logger } from 'pino'
import type { ApiserverAddressEvent } from '../events.ts'
import { reasons } from '../sources/reasons.ts'
import { describe, describeWait } from './describe.ts'
import type { EventOf, EventType } from './describe.ts'

type Level = 'debug' | 'info' | 'warn' | 'error'

type Lines = { readonly [T in EventType]: { readonly level: Level; readonly fields: readonly (keyof EventOf<T>)[] } }

/** The level of each event, and its fields that are logged. The level of a phase is that of its reason. */
const lines: Lines = {
  attempt: { level: 'debug', fields: ['attempt'] },
  phase: { level: 'info', fields: ['reason', 'previous', 'elapsedMs', 'hint', 'missing'] },
  retry: { level: 'debug', fields: ['attempt', 'reason', 'delayMs', 'watching', 'remainingMs'] },
  probed: { level: 'debug', fields: ['probes', 'unverified'] },
  wake: { level: 'debug', fields: ['cause'] },
  resolved: { level: 'info', fields: ['addresses', 'revision', 'attempts', 'elapsedMs'] },
  failed: { level: 'error', fields: [] },
  aborted: { level: 'info', fields: [] },
  connected: { level: 'debug', fields: ['revision'] },
  disconnected: { level: 'info', fields: [] },
  resynced: { level: 'warn', fields: ['revision'] },
  changed: { level: 'info', fields: ['addresses', 'added', 'removed', 'revision'] },
  held: { level: 'info', fields: ['missing', 'untilMs'] },
  ignored: { level: 'warn', fields: ['reason', 'revision'] },
  closed: { level: 'debug', fields: [] },
}

/** Logs the events of one call. */
export class EventLog {
  readonly #logger: Logger
  /** The message of the wait that was logged last; `undefined` while there is a list. */
  #message: string | undefined

  constructor(logger: Logger) {
    this.#logger = logger
  }

  write(event: ApiserverAddressEvent): void {
    const before = this.#message
    this.#message = messageAfter(event, before)
    const isNews = this.#message !== before
    if (event.type === 'retry' && isNews) {
      const { reason, missing, error } = event
      this.#logger.info({ reason, missing }, describeWait(reason, error.message))
    }
    this.#logger[levelOf(event, isNews)](fieldsOf(event), describe(event))
  }
}

/** Within a phase, an incomplete list has a new message when it has grown, or when one of its servers has died. */
function messageAfter(event: ApiserverAddressEvent, before: string | undefined): string | undefined {
  switch (event.type) {
    case 'phase':
      return event.message
    case 'retry':
      return event.reason === 'incomplete' ? event.error.message : before
    case 'resolved':
    case 'connected':
      return undefined
    default:
      return before
  }
}

function levelOf(event: ApiserverAddressEvent, isNews: boolean): Level {
  if (event.type === 'phase') return reasons[event.reason].logLevel
  // The end of an outage has the level of its start.
  if (event.type === 'connected' && isNews) return 'info'
  return lines[event.type].level
}

function fieldsOf(event: ApiserverAddressEvent): object {
  // The text has the cause already. pino's own field `err` would repeat it, and add a stack of this package.
  if (event.type === 'failed') return Object.assign({}, event.error)
  const fields = Object.fromEntries(lines[event.type].fields.map((name) => [name, Reflect.get(event, name)]))
  if (event.type !== 'resolved' && event.type !== 'changed') return fields
  return { ...fields, dead: event.probes?.filter(({ state }) => state === 'dead') }
}
