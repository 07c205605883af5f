import type { EventEmitter } from 'node:events'
import type { ApiserverAddressEvent, ApiserverAddressEvents } from './events.ts'
import type { TlsFiles } from './rke2.ts'

/**
 * The kind of a probe: `'tcp'` connects, `'tls'` also completes a TLS handshake and verifies the certificate,
 * `'readyz'` also requests `GET /readyz`.
 */
export type ProbeKind = 'tcp' | 'tls' | 'readyz'

/**
 * The methods of a logger that a call uses, with the arguments of pino: a logger of pino, Fastify or winston, `console`, or
 * an object of yours.
 */
export interface Logger {
  /** Returns a logger that adds these fields to each entry. Without it, the call adds them itself. */
  child?(fields: Readonly<Record<string, unknown>>): Logger
  /** Logs what happens all the time: attempts, retries and probes. */
  debug(fields: Readonly<Record<string, unknown>>, text: string): void
  /** Logs a normal phase of a start, and every change of the list. */
  info(fields: Readonly<Record<string, unknown>>, text: string): void
  /** Logs what an operator should look at. */
  warn(fields: Readonly<Record<string, unknown>>, text: string): void
  /** Logs the error that a call or watch has ended with. */
  error(fields: Readonly<Record<string, unknown>>, text: string): void
}

/** How attempts are repeated: exponential backoff with jitter. */
export interface RetryOptions {
  /** The first delay between two attempts in milliseconds, before jitter. Must be above 0. @default 250 */
  readonly initialDelayMs?: number | undefined
  /**
   * The longest delay of the backoff in milliseconds, including jitter. Must be above 0. A delay is longer if a server sends
   * `Retry-After`, and while a watch is open.
   * @default 1900
   */
  readonly maxDelayMs?: number | undefined
  /** Each delay is this many times the delay before, up to `maxDelayMs`. At least 1. @default 2 */
  readonly factor?: number | undefined
  /**
   * How a delay is randomised: `'equal'` takes between half and all of it, `'full'` between nothing and all of it,
   * `'none'` takes the delay itself.
   * @default 'equal'
   */
  readonly jitter?: 'equal' | 'full' | 'none' | undefined
  /**
   * The number of times that the list may be read, including the first: a whole number of at least 1, or `Infinity`. A
   * change that a watch pushes does not count as a read.
   * @default Infinity
   */
  readonly maxAttempts?: number | undefined
}

/**
 * The options of {@link resolveApiserverAddresses}. On a node of RKE2 or K3s, and in a Pod with a ServiceAccount,
 * none of them is needed.
 *
 * `undefined` has the same meaning as an option that is not given. An option that is unknown, of the wrong type or out
 * of range is a `TypeError`, before any file or socket is opened. It names the option and its value, unless the value
 * may be a secret.
 */
export interface ResolveOptions {
  /**
   * Where the list is read: `'etcd'` reads the key, on servers; `'kubernetes'` reads the EndpointSlices of the Service
   * `default/kubernetes`, on every node and in Pods; with `'auto'`, the files of the node decide at each attempt.
   * @default 'auto', or 'etcd' if `endpoints`, `tls`, `key` or `credentials` is given, or 'kubernetes' if `tokenFile` is
   */
  readonly source?: 'auto' | 'etcd' | 'kubernetes' | undefined
  /**
   * The distribution. It decides the defaults of `dataDir`, `endpoints` and `key`. With `'auto'`, the files of the node
   * decide.
   * @default 'auto'
   */
  readonly distribution?: 'auto' | 'rke2' | 'k3s' | undefined
  /** The data directory of the distribution (its flag `--data-dir`). @default '/var/lib/rancher/<distribution>' */
  readonly dataDir?: string | undefined
  /**
   * The URL of a server as `https://host:port`, or several for failover. Without a port, it is 2379 for etcd and 6443 for
   * Kubernetes. An etcd may also have `http://`.
   * @default for etcd `['https://127.0.0.1:2379', 'https://[::1]:2379']`; for Kubernetes the local load balancer or
   * apiserver and then the other apiservers, or in a Pod `https://$KUBERNETES_SERVICE_HOST:$KUBERNETES_SERVICE_PORT`
   */
  readonly endpoints?: string | readonly string[] | undefined
  /**
   * The certificate files for `https://` endpoints. They are read again when they change. With `caFile` alone, no client
   * certificate is sent.
   * @default for etcd the files in `<dataDir>/server/tls/etcd` that the server itself uses as a client of etcd; for
   * Kubernetes the files of kube-proxy in `<dataDir>/agent`, or in a Pod the CA of the ServiceAccount
   */
  readonly tls?: TlsFiles | undefined
  /**
   * The path of a file with a bearer token for Kubernetes. It is read again for each request.
   * @default in a Pod the token of the ServiceAccount, elsewhere none
   */
  readonly tokenFile?: string | undefined
  /** An etcd user, needed only where etcd has auth switched on. RKE2 and K3s do not switch it on. @default none */
  readonly credentials?:
    | {
        /** The name of an etcd user that may read the key. */
        readonly username: string
        /** The password of the user. It is in no message, event or log line. */
        readonly password: string
      }
    | undefined
  /** The etcd key that has the list, without a leading slash. @default '<distribution>/apiaddresses' */
  readonly key?: string | undefined
  /** The least number of addresses in a complete list: a whole number of at least 1. @default 1 */
  readonly minAddresses?: number | undefined
  /** The addresses, as `host` or `host:port`, that must all be in a complete list. @default none */
  readonly expect?: readonly string[] | undefined
  /** How long in milliseconds a list must stay the same before it counts as complete. @default 0 */
  readonly settleMs?: number | undefined
  /**
   * Probes each address: `'tcp'` connects, `'tls'` also verifies the certificate, `'readyz'` also requests
   * `GET /readyz`. Then `minAddresses` and `expect` count only the addresses that are alive, and dead addresses come
   * last.
   * @default none
   */
  readonly probe?: ProbeKind | undefined
  /** The deadline of one probe in milliseconds, including the connection. Must be above 0. @default 2000 */
  readonly probeTimeoutMs?: number | undefined
  /** How attempts are repeated. Each of its fields has its own default. @default {} */
  readonly retry?: RetryOptions | undefined
  /**
   * The deadline of the whole call in milliseconds; for a watch, of the wait for its first list. Must be above 0, and
   * may be `Infinity`.
   * @default 900_000
   */
  readonly timeoutMs?: number | undefined
  /**
   * The deadline of one attempt in milliseconds, including the connection. Must be above 0.
   * @default 5000 for etcd; 10_000 for Kubernetes, whose list takes 8 s while etcd elects a leader
   */
  readonly attemptTimeoutMs?: number | undefined
  /** Ends every wait at once when it is aborted. The call then rejects with `signal.reason`. @default none */
  readonly signal?: AbortSignal | undefined
  /** The emitter on which the call emits every event, see {@link ApiserverAddressEvents}. @default none */
  readonly events?: EventEmitter<ApiserverAddressEvents> | undefined
  /** Receives every event, as the emitter does. @default none */
  readonly onEvent?: ((event: ApiserverAddressEvent) => void) | undefined
  /** The logger to whose child the call logs, such as one of pino. Without it, nothing is logged. @default none */
  readonly logger?: Logger | undefined
  /** Only for a watch. */
  readonly shrinkDelayMs?: never
  /** Only for a watch. */
  readonly probeIntervalMs?: never
}

/** The options of {@link watchApiserverAddresses}. */
export interface WatchOptions extends Omit<ResolveOptions, 'shrinkDelayMs' | 'probeIntervalMs'> {
  /**
   * How long in milliseconds an address must be missing before it is removed from the list. Then the list is read once
   * more, and the address stays if it is back. With 0, an address is removed at once.
   * @default 3000 for etcd; 30_000 for Kubernetes, whose list shrinks for up to 13 s after a crash of all servers
   */
  readonly shrinkDelayMs?: number | undefined
  /**
   * With `probe`: the time in milliseconds after which the addresses are probed again, up to a quarter more or less.
   * Must be above 0.
   * @default 10_000
   */
  readonly probeIntervalMs?: number | undefined
}
