import type { EventEmitter } from 'node:events'
import type { Logger } from 'pino'
import type { ApiserverAddressEvents } from './events.ts'
import type { TlsFiles } from './rke2.ts'

/**
 * How an address is probed: `'tcp'` connects, `'tls'` also completes a handshake and verifies the certificate, `'readyz'`
 * also requests `GET /readyz`.
 */
export type ProbeKind = 'tcp' | 'tls' | 'readyz'

/** When to try again, and how often. */
export interface RetryOptions {
  /** First delay, in milliseconds, before jitter. @default 250 */
  readonly initialDelayMs?: number | undefined
  /** No delay is longer, jitter included, in milliseconds. @default 1900 */
  readonly maxDelayMs?: number | undefined
  /** Each delay is this many times the one before, until the cap; at least 1. @default 2 */
  readonly factor?: number | undefined
  /** `'equal'`: half to whole of the delay; `'full'`: none to whole; `'none'`: the delay itself. @default 'equal' */
  readonly jitter?: 'equal' | 'full' | 'none' | undefined
  /** How often the key may be read, the first time included; what an etcd watch tells is no read. @default Infinity */
  readonly maxAttempts?: number | undefined
}

/** Options of {@link resolveApiserverAddresses}. Every one is optional: on an RKE2 server there is nothing to configure. */
export interface ResolveOptions {
  /** Sets the key and the paths. @default 'rke2' */
  readonly distribution?: 'rke2' | 'k3s' | undefined
  /** The distribution's data directory. @default '/var/lib/rancher/<distribution>' */
  readonly dataDir?: string | undefined
  /**
   * etcd client URL, or several of them, which are failed over; without a port it is 2379.
   * @default 'https://127.0.0.1:2379'
   */
  readonly endpoints?: string | readonly string[] | undefined
  /** Certificate files; unused for `http://` endpoints. @default the distribution's etcd client files under `dataDir` */
  readonly tls?: TlsFiles | undefined
  /** Only where etcd has auth switched on, which RKE2 and K3s have not. @default none */
  readonly credentials?:
    | {
        /** Of an etcd user that may read the key. */
        readonly username: string
        /** Appears in no message, event or log line. */
        readonly password: string
      }
    | undefined
  /** etcd key, without a leading slash. @default '<distribution>/apiaddresses' */
  readonly key?: string | undefined
  /** A list with fewer addresses is not yet complete. @default 1 */
  readonly minAddresses?: number | undefined
  /** Addresses, as `host` or `host:port`, that must all be in the list. @default none */
  readonly expect?: readonly string[] | undefined
  /** The list must stay the same this long, in milliseconds, before it counts. @default 0 */
  readonly settleMs?: number | undefined
  /**
   * Asks each address whether an apiserver is alive there: `'tcp'` connects, `'tls'` also checks the certificate,
   * `'readyz'` also asks `GET /readyz`. Then only what is alive counts for `minAddresses` and `expect`.
   * @default none
   */
  readonly probe?: ProbeKind | undefined
  /** Deadline of one probe, connecting included, in milliseconds. @default 2000 */
  readonly probeTimeoutMs?: number | undefined
  /** When to try again, and how often: each of its fields has a default of its own. @default {} */
  readonly retry?: RetryOptions | undefined
  /**
   * Deadline of the whole call, in milliseconds; of a watch, of the wait for its first list. `Infinity` is allowed.
   * @default 900_000
   */
  readonly timeoutMs?: number | undefined
  /** Deadline of one attempt, connecting included, in milliseconds. @default 5000 */
  readonly attemptTimeoutMs?: number | undefined
  /** Ends every wait at once; the call then rejects with `signal.reason`. @default none */
  readonly signal?: AbortSignal | undefined
  /** An emitter of the caller's on which every event is emitted. @default none */
  readonly events?: EventEmitter<ApiserverAddressEvents> | undefined
  /** A pino logger; the library logs through a child of it, and not at all without one. @default none */
  readonly logger?: Logger | undefined
}

/** Options of {@link watchApiserverAddresses}. */
export interface WatchOptions extends ResolveOptions {
  /** How long an address must be gone, in milliseconds, before it is removed. @default 3000 */
  readonly shrinkDelayMs?: number | undefined
  /** With `probe`: how often the addresses are probed again, in milliseconds, give or take a quarter. @default 10_000 */
  readonly probeIntervalMs?: number | undefined
}
