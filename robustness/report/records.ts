import type { AddressChange, AddressList, ApiserverAddressEvent, ResolvedAddresses } from '../../src/index.ts'
import type { CallScenario } from '../random/calls.ts'
import type { WatchScenario } from '../random/watches.ts'

export interface ObservedEvent {
  readonly at: number
  readonly event: ApiserverAddressEvent
}

/** A call that has settled. */
export interface CallRecord {
  readonly scenario: Pick<CallScenario, 'endpoints' | 'options'>
  readonly startedAt: number
  readonly endedAt: number
  /** When the caller aborted the call. */
  readonly abortedAt: number | undefined
  readonly abortReason: unknown
  readonly events: readonly ObservedEvent[]
  readonly outcome: { readonly result: ResolvedAddresses } | { readonly error: unknown }
  /** The number of listeners that are still on the caller's signal. */
  readonly abortListeners: number
}

/** A change that the reader of a watch got from `next()`. */
export interface ReadRecord {
  readonly at: number
  readonly change: AddressChange
  /** The addresses of the change that the reader got before. */
  readonly previous: readonly string[]
  /** The list that was the latest when the reader called `next()`, and those that the watch emitted after that. */
  readonly emitted: readonly AddressList[]
}

/** The end of a watch. */
export interface WatchEndRecord {
  readonly method: WatchScenario['end']
  /** When the caller ended the watch. */
  readonly requestedAt: number
  /** When the watch and its reader had ended. */
  readonly endedAt: number
  /** Whether the reader had ended before the caller ended the watch. */
  readonly endedByItself: boolean
  /** What `next()` rejected with. */
  readonly readerError: unknown
  /** The error of the event `failed`. */
  readonly failure: Error | undefined
  readonly abortReason: unknown
  /** Whether the event `closed` was emitted. */
  readonly closed: boolean
  /** The number of listeners that are still on the caller's signal. */
  readonly abortListeners: number
  /** What a further `next()` returned as `done`. */
  readonly done: boolean | undefined
}
