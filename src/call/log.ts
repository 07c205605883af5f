import type { ApiserverAddressEvent } from '../events.ts'
import { logLevelOf } from '../sources/reasons.ts'
import type { Source } from '../sources/source.ts'
import type { Clock } from '../util/clock.ts'
import type { FieldLogger } from '../util/logger.ts'
import { observe } from '../util/observe.ts'
import { seconds } from '../util/text.ts'
import { describe, describeOutage, describeWait } from './describe.ts'
import type { EventOf, EventType } from './describe.ts'

type Level = 'debug' | 'info' | 'warn' | 'error'

type Lines = { readonly [T in EventType]: { readonly level: Level; readonly fields: readonly (keyof EventOf<T>)[] } }

/** The level of each event, and its fields that are logged. The level of a phase is that of its reason. */
const lines: Lines = {
  attempt: { level: 'debug', fields: ['attempt', 'source'] },
  phase: { level: 'info', fields: ['reason', 'previous', 'elapsedMs', 'hint', 'missing'] },
  retry: { level: 'debug', fields: ['attempt', 'reason', 'delayMs', 'watching', 'remainingMs'] },
  probed: { level: 'debug', fields: ['probes', 'unverified'] },
  wake: { level: 'debug', fields: ['cause'] },
  resolved: { level: 'info', fields: ['addresses', 'source', 'revision', 'attempts', 'elapsedMs'] },
  failed: { level: 'error', fields: [] },
  aborted: { level: 'info', fields: [] },
  connected: { level: 'debug', fields: ['revision'] },
  // The phase that follows is the line for it.
  disconnected: { level: 'debug', fields: [] },
  resynced: { level: 'warn', fields: ['revision'] },
  changed: { level: 'info', fields: ['addresses', 'added', 'removed', 'revision'] },
  held: { level: 'info', fields: ['missing', 'untilMs'] },
  ignored: { level: 'warn', fields: ['reason', 'revision'] },
  closed: { level: 'debug', fields: [] },
}

/** An outage of a watch becomes a warning after this time. */
const longOutageMs = 10_000

/** The time in which a watch that has a list cannot follow it. */
interface Outage {
  readonly startedAt: number
  /** Aborted when the outage is over. */
  readonly end: AbortController
  /** What the watch waits for now. */
  phase: EventOf<'phase'>
  /** Whether the loss of the quorum was logged. */
  hadNoLeader: boolean
}

/** Logs the events of one call. */
export class EventLog {
  readonly #logger: FieldLogger
  readonly #clock: Clock
  readonly #source: Pick<Source, 'subject'>
  /** The message of the last wait before the first list that was logged; `undefined` before it. */
  #message: string | undefined
  #hasList = false
  #outage: Outage | undefined

  constructor(logger: FieldLogger, clock: Clock, source: Pick<Source, 'subject'>) {
    this.#logger = logger
    this.#source = source
    this.#clock = clock
  }

  write(event: ApiserverAddressEvent): void {
    if (event.type === 'phase' && this.#hasList) return this.#writeOutage(event)
    const outage = endsOutage(event) ? this.#endOutage() : undefined
    if (event.type === 'connected' && outage !== undefined) return this.#writeReconnection(event, outage)
    if (event.type === 'resolved') this.#hasList = true
    if (event.type === 'phase') this.#message = event.message
    if (event.type === 'retry') this.#writeNewMessage(event)
    const level = event.type === 'phase' ? logLevelOf(event.reason, event.source) : lines[event.type].level
    this.#write(level, fieldsOf(event), describe(event))
  }

  /** Within a phase, an incomplete list has a new message when it has grown, or when one of its servers has died. */
  #writeNewMessage({ reason, source, missing, error: { message } }: EventOf<'retry'>): void {
    if (reason !== 'incomplete' || message === this.#message) return
    this.#message = message
    this.#write('info', { reason, missing }, describeWait({ reason, source }, message))
  }

  /** Logs what a watch waits for. A lost quorum is a warning, once in an outage. */
  #writeOutage(phase: EventOf<'phase'>): void {
    const outage = (this.#outage ??= this.#startOutage(phase))
    outage.phase = phase
    const isQuorumLoss = phase.reason === 'no-leader' && !outage.hadNoLeader
    outage.hadNoLeader ||= isQuorumLoss
    const level = isQuorumLoss ? 'warn' : logLevelOf(phase.reason, phase.source)
    this.#write(level, fieldsOf(phase), describeOutage(phase))
  }

  #startOutage(phase: EventOf<'phase'>): Outage {
    const outage = { startedAt: this.#clock.now(), end: new AbortController(), phase, hadNoLeader: false }
    this.#clock.sleep(longOutageMs, outage.end.signal).then(
      () => observe(() => this.#writeLongOutage(outage)),
      () => {},
    )
    return outage
  }

  #writeLongOutage({ phase }: Outage): void {
    const fields = { reason: phase.reason, elapsedMs: longOutageMs }
    this.#write('warn', fields, describeOutage(phase, longOutageMs))
  }

  #endOutage(): Outage | undefined {
    const outage = this.#outage
    this.#outage = undefined
    outage?.end.abort()
    return outage
  }

  #writeReconnection(event: EventOf<'connected'>, { startedAt }: Outage): void {
    const outageMs = Math.round(this.#clock.now() - startedAt)
    const text = `${describe(event)}, after an outage of ${seconds(outageMs)}`
    this.#write('info', { ...fieldsOf(event), outageMs }, text)
  }

  #write(level: Level, fields: object, text: string): void {
    this.#logger[level]({ key: this.#source.subject, ...fields }, text)
  }
}

const endsOutage = ({ type }: ApiserverAddressEvent): boolean =>
  type === 'connected' || type === 'failed' || type === 'aborted' || type === 'closed'

function fieldsOf(event: ApiserverAddressEvent): object {
  // The text has the cause already. pino's own field `err` would repeat it, and add a stack of this package.
  if (event.type === 'failed') return Object.assign({}, event.error)
  const fields = Object.fromEntries(lines[event.type].fields.map((name) => [name, Reflect.get(event, name)]))
  if (event.type !== 'resolved' && event.type !== 'changed') return fields
  return { ...fields, ...(event.probes && { dead: event.probes.filter(({ state }) => state === 'dead') }) }
}
