import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { EventEmitter } from 'node:events'
import { inspect } from 'node:util'
import { pino } from 'pino'
import { resolveApiserverAddresses, watchApiserverAddresses } from '../../src/index.ts'
import type { ApiserverAddressEvents, ResolveOptions } from '../../src/index.ts'

/**
 * Returns everything that a call and a watch with these options emit, as text: results, errors with their causes, events,
 * messages on the diagnostics channel, and the log at its lowest level.
 */
export async function everythingEmittedBy(options: ResolveOptions): Promise<string> {
  const texts: string[] = []
  const add = (what: unknown) => {
    texts.push(inspect(what, { depth: null, showHidden: true, maxStringLength: null, maxArrayLength: null }))
    if (what instanceof Error) texts.push(what.message, String(what.stack), inspect(what.cause, { depth: null }))
    texts.push(JSON.stringify(what))
  }
  const events = new EventEmitter<ApiserverAddressEvents>()
  events.emit = (_type, ...event) => (event.forEach(add), true)
  const logger = pino({ level: 'trace' }, { write: (line) => void texts.push(line) })
  subscribe('rke2-apiserver-resolver', add)
  try {
    const all = { timeoutMs: 3000, retry: { maxAttempts: 2, initialDelayMs: 1 }, ...options, events, logger }
    await resolveApiserverAddresses(all).then(add, add)
    const watch = watchApiserverAddresses(all)
    await watch.next().then(add, add)
    await watch.close()
  } catch (error) {
    add(error)
  } finally {
    unsubscribe('rke2-apiserver-resolver', add)
  }
  return texts.join('\n')
}
