import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { EventEmitter } from 'node:events'
import { inspect } from 'node:util'
import { pino } from 'pino'
import { resolveApiserverAddresses, watchApiserverAddresses } from '../../src/index.ts'
import type { ApiserverAddressEvents, WatchOptions } from '../../src/index.ts'

/**
 * All that a call and a watch with these options tell anybody, as text: results, errors with their causes, events, the
 * diagnostics channel, and the log from its lowest level on.
 */
export async function everythingEmittedBy(options: WatchOptions): Promise<string> {
  const told: string[] = []
  const tell = (what: unknown) => {
    told.push(inspect(what, { depth: null, showHidden: true, maxStringLength: null, maxArrayLength: null }))
    if (what instanceof Error) told.push(what.message, String(what.stack), inspect(what.cause, { depth: null }))
    told.push(JSON.stringify(what))
  }
  const events = new EventEmitter<ApiserverAddressEvents>()
  events.emit = (_type, ...event) => (event.forEach(tell), true)
  const logger = pino({ level: 'trace' }, { write: (line) => void told.push(line) })
  subscribe('rke2-apiserver-resolver', tell)
  try {
    const all = { timeoutMs: 3000, retry: { maxAttempts: 2, initialDelayMs: 1 }, ...options, events, logger }
    await resolveApiserverAddresses(all).then(tell, tell)
    const watch = watchApiserverAddresses(all)
    await watch.next().then(tell, tell)
    await watch.close()
  } catch (error) {
    tell(error)
  } finally {
    unsubscribe('rke2-apiserver-resolver', tell)
  }
  return told.join('\n')
}
