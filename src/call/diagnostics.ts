import { channel, tracingChannel } from 'node:diagnostics_channel'
import type { ResolvedAddresses } from '../addresses/list.ts'
import type { DiagnosticsMessage, ResolveTrace } from '../diagnostics.ts'

const events = channel('rke2-apiserver-resolver')
const resolves = tracingChannel('rke2-apiserver-resolver:resolve')
let calls = 0

/** Returns the number of a new call, from 1. */
export const nextCallNumber = (): number => ++calls

/** Returns whether anything in this process receives the events of all calls. */
export const hasSubscribers = (): boolean => events.hasSubscribers

/** Publishes an event to the subscribers of the process. Node catches what they throw. */
export function publish(message: DiagnosticsMessage): void {
  if (events.hasSubscribers) events.publish(Object.freeze(message))
}

/** Runs one call as a span, for subscribers such as OpenTelemetry. */
export function traceResolve(call: number, run: () => Promise<ResolvedAddresses>): Promise<ResolvedAddresses> {
  // Without subscribers, the caller gets the promise of the call itself.
  return resolves.hasSubscribers ? resolves.tracePromise(run, { call } satisfies ResolveTrace) : run()
}
