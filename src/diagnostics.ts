import type { ResolvedAddresses } from './addresses/list.ts'
import type { ApiserverAddressEvent } from './events.ts'

/**
 * The context of a span on the `tracingChannel` named `rke2-apiserver-resolver:resolve`. Each call of
 * `resolveApiserverAddresses` is one span, from its start to its end.
 */
export interface ResolveTrace {
  /** The number of the call in this process, as in {@link DiagnosticsMessage}. */
  readonly call: number
  /** At the end of a call with a list: what it resolves with. */
  readonly result?: ResolvedAddresses
  /** At the end of a call without a list: what it rejects with. */
  readonly error?: unknown
}

/**
 * A message on the `node:diagnostics_channel` named `rke2-apiserver-resolver`. Every event of every call and watch of
 * the process is published there, also those of a call without the option `events`.
 */
export interface DiagnosticsMessage {
  /** The number of the call or watch in this process, from 1. */
  readonly call: number
  /** What the call or watch reads: the key in etcd, or the Service `default/kubernetes`. */
  readonly key: string
  /** The same frozen object that is emitted on `events`. */
  readonly event: ApiserverAddressEvent
}
