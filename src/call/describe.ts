import type { ProbedAddress } from '../addresses/list.ts'
import type { Reason } from '../errors.ts'
import type { ApiserverAddressEvent, ChangedEvent, ProbedEvent, RetryEvent } from '../events.ts'
import { awaited, retryForMsOf } from '../sources/reasons.ts'
import type { SourceKind } from '../sources/source.ts'
import { count, excerpt, oneLine, seconds } from '../util/text.ts'

export type EventType = ApiserverAddressEvent['type']
export type EventOf<T extends EventType> = Extract<ApiserverAddressEvent, { type: T }>

const texts: { readonly [T in EventType]: (event: EventOf<T>) => string } = {
  attempt: () => 'reading the list',
  phase: (event) => withHint(describeWait(event, event.message), event.hint),
  retry: describeRetry,
  probed: describeProbes,
  wake: ({ cause }) => (cause === 'connected' ? 'a connection is established' : 'the list may have changed'),
  resolved: (event) => `found ${describeList(event)} in ${count(event.attempts, 'attempt')}`,
  failed: ({ error }) => error.message,
  aborted: ({ reason }) => `aborted: ${oneLine(textOf(reason))}`,
  connected: () => 'the watch follows the list',
  // The phase that follows names the cause.
  disconnected: () => 'the watch was interrupted',
  resynced: () =>
    'the history of the store was replaced, probably by a restored snapshot; the watch follows the new one',
  changed: describeChange,
  held: ({ missing, untilMs }) =>
    `the list lacks ${missing.join(' ')}; removal in ${seconds(untilMs)} unless listed again`,
  ignored: ({ reason }) => `there is no valid list (${reason}), the last list stays`,
  closed: () => 'the watch is closed',
}

export const eventTypes: readonly EventType[] = Object.keys(texts) as EventType[]

/** Returns what has happened, on one line. The log and the terminal share it, so that one fact has one wording. */
export const describe = (event: ApiserverAddressEvent): string =>
  (texts[event.type] as (of: ApiserverAddressEvent) => string)(event)

/** What an event says about the wait. */
interface Waiting {
  readonly reason: Reason
  readonly source: SourceKind | undefined
}

/** Returns what the call waits for, and why; only why if the reason is never retried, because the call then ends. */
export function describeWait({ reason, source }: Waiting, message: string): string {
  return retryForMsOf(reason, source) === 0 ? message : `waiting for ${awaited(reason, source)}: ${message}`
}

/**
 * Returns what a watch that has a list waits for, and why.
 *
 * @param sinceMs the length of the outage so far; `undefined` when the wait has just begun
 */
export function describeOutage({ reason, source, message, hint }: EventOf<'phase'>, sinceMs?: number): string {
  // A wait that has lasted is no failure that ends the watch, whatever its reason.
  if (sinceMs === undefined && retryForMsOf(reason, source) === 0) return withHint(message, hint)
  const what = awaited(reason, source)
  const wait = sinceMs === undefined ? `waiting for ${what}` : `still waiting for ${what} after ${seconds(sinceMs)}`
  return withHint(`${wait}, the last list stays: ${message}`, hint)
}

export const withHint = (text: string, hint: string | undefined): string =>
  hint === undefined ? text : `${text}; ${hint}`

function describeRetry({ reason, source, watching, delayMs, error }: RetryEvent): string {
  const next = `${watching ? 'watching the list, ' : ''}next read in ${seconds(delayMs)}`
  return `waiting for ${awaited(reason, source)}, ${next}: ${error.message}`
}

function describeProbes({ probes, unverified }: ProbedEvent): string {
  const alive = probes.filter(({ state }) => state === 'alive').length
  const certificates = unverified === undefined ? '' : `; certificates not verified: ${unverified}`
  return `${alive} of ${count(probes.length, 'apiserver')} alive${certificates}`
}

function describeChange(event: ChangedEvent): string {
  const changes = [...event.added.map((address) => `+${address}`), ...event.removed.map((address) => `-${address}`)]
  return `the list now has ${[describeList(event), changes.join(' ')].filter(Boolean).join(': ')}`
}

/** The certificates are named, too, so that no server is trusted silently. */
function describeList({ addresses, probes = [] }: Pick<ChangedEvent, 'addresses' | 'probes'>): string {
  const dead = probes.filter(({ state }) => state === 'dead').length
  const details: string[] = []
  if (dead > 0) details.push(`${dead} dead`)
  if (probes.some(isUnverified)) details.push('certificates not verified')
  return count(addresses.length, 'apiserver') + (details.length > 0 ? ` (${details.join(', ')})` : '')
}

/** Returns whether an address counts as alive although its certificate was not verified. */
export const isUnverified = ({ state, verified }: ProbedAddress): boolean => state === 'alive' && verified === false

/** The caller may abort with any value, also with one that cannot be converted to a string. */
function textOf(reason: unknown): string {
  try {
    if (typeof reason === 'string' || reason instanceof Error) return String(reason)
  } catch {
    // Such as an error whose name is a symbol.
  }
  return excerpt(reason)
}
