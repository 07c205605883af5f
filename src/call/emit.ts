import { channel } from 'node:diagnostics_channel'
import type { EventEmitter } from 'node:events'
import type { Logger } from 'pino'
import { excerpt } from '../addresses/addresses.ts'
import type { ProbedAddress } from '../addresses/addresses.ts'
import type { ApiserverAddressEvent, ApiserverAddressEvents, DiagnosticsMessage } from '../events.ts'
import { oneLine, reasons } from '../sources/reasons.ts'

export type Emit = (event: ApiserverAddressEvent) => void

const diagnostics = channel('rke2-apiserver-resolver')
let calls = 0

export const createLog = (key: string, logger: Logger | undefined): Logger | undefined =>
  logger?.child({ name: 'rke2-apiserver-resolver', key })

/** Tells every event to the caller's emitter, to the process's diagnostics channel and, in words, to the logger. */
export function createEmit(
  key: string,
  events: EventEmitter<ApiserverAddressEvents> | undefined,
  logger: Logger | undefined,
): Emit {
  let child: Logger | undefined
  observe(() => {
    child = createLog(key, logger)
  })
  const call = ++calls
  let told: string | undefined
  /** A list that has grown, a server that has died, or that the waiting is over: news that no phase tells. */
  const isNews = (event: ApiserverAddressEvent) => {
    const before = told
    if (event.type === 'phase') told = event.message
    if (event.type === 'retry' && event.reason === 'incomplete') told = event.error.message
    if (event.type === 'resolved' || event.type === 'connected') told = undefined
    return told !== before
  }
  return (event) => {
    Object.freeze(event)
    const news = isNews(event)
    observe(() => child && log(child, event, news))
    // The union of events and the map of their types do not meet in TypeScript.
    observe(() => (events as EventEmitter | undefined)?.emit(event.type, event))
    // Its subscribers are observers too: Node lets what they throw surface on its own.
    if (diagnostics.hasSubscribers) {
      diagnostics.publish(Object.freeze({ call, key, event } satisfies DiagnosticsMessage))
    }
  }
}

/** Observers change no outcome. What they throw surfaces on its own, as that of an `EventTarget` does. */
export function observe(notify: () => void): void {
  try {
    notify()
  } catch (error) {
    queueMicrotask(() => {
      throw error
    })
  }
}

/** The caller may abort with anything, also with what cannot be made a text. */
const textOf = (reason: unknown): string =>
  typeof reason === 'string' || reason instanceof Error ? String(reason) : excerpt(reason)

export const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`

const deadOf = (probes: readonly ProbedAddress[] | undefined) => probes?.filter(({ state }) => state === 'dead')

/** Nobody is trusted in silence. */
function health(probes: readonly ProbedAddress[] = []): string {
  const dead = deadOf(probes)?.length ?? 0
  const unchecked = probes.some(({ state, verified }) => state === 'alive' && verified === false)
  return `${dead > 0 ? `, ${dead} dead` : ''}${unchecked ? ', their certificates not checked' : ''}`
}

function log(logger: Logger, event: ApiserverAddressEvent, news: boolean): void {
  switch (event.type) {
    case 'attempt':
      return logger.debug({ attempt: event.attempt }, 'reading the key')
    case 'phase': {
      const { reason, previous, elapsedMs, message, hint, missing } = event
      const { description, retryForMs, expected } = reasons[reason]
      const text = `${retryForMs === 0 ? '' : `waiting for ${description}: `}${message}${hint === undefined ? '' : `; ${hint}`}`
      return logger[expected ? 'info' : 'warn']({ reason, previous, elapsedMs, hint, missing }, text)
    }
    case 'retry': {
      const { attempt, reason, delayMs, watching, remainingMs, error, missing } = event
      if (news) logger.info({ reason, missing }, `waiting for ${reasons[reason].description}: ${error.message}`)
      return logger.debug(
        { attempt, reason, delayMs, watching, remainingMs },
        `no list yet, ${watching ? 'watching the key, ' : ''}next read in ${seconds(delayMs)}: ${error.message}`,
      )
    }
    case 'probed': {
      const { probes, unverified } = event
      const alive = probes.filter(({ state }) => state === 'alive').length
      const text = `${alive} of ${probes.length} apiservers are alive`
      const unchecked = unverified === undefined ? '' : `; their certificates are not checked: ${unverified}`
      return logger.debug({ probes, unverified }, text + unchecked)
    }
    case 'wake':
      return logger.debug(
        { cause: event.cause },
        event.cause === 'connected' ? 'etcd came alive' : 'the key was written',
      )
    case 'resolved': {
      const { addresses, revision, attempts, elapsedMs, probes } = event
      return logger.info(
        { addresses, revision, attempts, elapsedMs, dead: deadOf(probes) },
        `found ${addresses.length} apiserver${addresses.length === 1 ? '' : 's'}${health(probes)}`,
      )
    }
    case 'failed': {
      // Its message holds the cause already: pino's own `err` would say it twice, and add a stack that is only ours.
      return logger.error(Object.assign({}, event.error), event.error.message)
    }
    case 'aborted':
      return logger.info(`ended by the caller's signal: ${oneLine(textOf(event.reason))}`)
    case 'connected':
      return news
        ? logger.info({ revision: event.revision }, 'following the key again')
        : logger.debug({ revision: event.revision }, 'following the key')
    case 'disconnected':
      return logger.info(`lost etcd, the last list stays: ${event.error.message}`)
    case 'resynced':
      return logger.warn({ revision: event.revision }, "etcd's history was replaced, following the new one")
    case 'changed': {
      const { addresses, added, removed, revision, probes } = event
      return logger.info(
        { addresses, added, removed, revision, dead: deadOf(probes) },
        `the apiservers changed: ${added.length} added, ${removed.length} removed${health(probes)}`,
      )
    }
    case 'held':
      return logger.info({ missing: event.missing, untilMs: event.untilMs }, 'a shorter list is held back')
    case 'ignored':
      return logger.warn(
        { reason: event.reason, revision: event.revision },
        'an unusable value is ignored, the last list stays',
      )
    case 'closed':
      return logger.debug('the watch is closed')
  }
}
