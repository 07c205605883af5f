import type { Reason } from '../errors.ts'
import { printable } from '../util/text.ts'

/** What a reason means for the caller: the one table that decides between waiting and giving up. */
interface ReasonPolicy {
  /** The component that is waited for. */
  readonly description: string
  /** How long it may last, in milliseconds, before it is final: 0 is at once, `Infinity` never. */
  readonly retryForMs: number
  /** Part of every start-up of RKE2, or something that a person should look at. */
  readonly expected: boolean
}

/** A certificate rotation rewrites three files, and etcd takes a moment to use them. */
const rotationMs = 10_000

export const reasons: Readonly<Record<Reason, ReasonPolicy>> = {
  'tls-files-missing': { description: 'the certificate files', retryForMs: Infinity, expected: true },
  'tls-files-unreadable': { description: 'the certificate files', retryForMs: 0, expected: false },
  unreachable: { description: 'etcd', retryForMs: Infinity, expected: true },
  timeout: { description: 'an answer of etcd', retryForMs: Infinity, expected: true },
  'no-leader': { description: "etcd's quorum", retryForMs: Infinity, expected: true },
  learner: { description: 'the promotion of this etcd member', retryForMs: Infinity, expected: true },
  unavailable: { description: 'etcd', retryForMs: Infinity, expected: true },
  'not-set': { description: 'the key', retryForMs: Infinity, expected: true },
  incomplete: { description: 'the full set of apiservers', retryForMs: Infinity, expected: true },
  'tls-rejected': { description: 'certificates that both sides accept', retryForMs: rotationMs, expected: false },
  unauthenticated: { description: 'etcd', retryForMs: 0, expected: false },
  'permission-denied': { description: 'etcd', retryForMs: 0, expected: false },
  'invalid-value': { description: 'the key', retryForMs: 0, expected: false },
  rejected: { description: 'etcd', retryForMs: 0, expected: false },
}

/** An attempt that gave no list, and why. Never leaves the library but as the `error` of an event. */
export class Failure extends Error {
  static {
    Object.defineProperty(this.prototype, 'name', { value: 'Failure', configurable: true, writable: true })
  }
  readonly reason: Reason
  /** How long it may last before it is final, in milliseconds; only while nothing changes that could mend it. */
  readonly retryForMs: number
  /** What it looks like and what to do, where there is a guess. */
  readonly hint: string | undefined
  /** What of `expect` is not there, or dead. */
  readonly missing: readonly string[]

  constructor(
    reason: Reason,
    message: string,
    options: { cause?: unknown; hint?: string | undefined; retryForMs?: number; missing?: readonly string[] } = {},
  ) {
    super(printable(message), 'cause' in options ? { cause: options.cause } : undefined)
    this.reason = reason
    this.retryForMs = options.retryForMs ?? reasons[reason].retryForMs
    this.hint = options.hint && printable(options.hint)
    this.missing = options.missing ?? []
  }
}

/** How a gRPC call ended: the code, and the text that goes with it. */
export interface Status {
  readonly code: number
  readonly details: string
}

/** OpenSSL's and Node's codes for a certificate that one of the two sides does not accept. */
const tlsCode =
  /^(ERR_TLS_CERT|ERR_SSL_|ERR_OSSL_|CERT_|CRL_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|INVALID_(CA|PURPOSE)|PATH_LENGTH|HOSTNAME_MISMATCH)/
const tlsText = /certificate|altnames|SSL alert number|SSL routines/i
/** The peer's first bytes are not TLS at all. */
const notTlsCode =
  /^ERR_SSL_(WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST|UNSUPPORTED_PROTOCOL|RECORD_LAYER_FAILURE)$/

/** grpc-js's words for a connection that was lost. */
const dropped = 'Connection dropped'

type Classification = readonly [Reason, string]

/**
 * What the end of a call says, by gRPC code and by etcd's own text: the code alone does not tell a learner (Unavailable
 * in etcd 3.4 and 3.5, FailedPrecondition in 3.6), nor an etcd that denies from a web server that answers 403.
 *
 * @param connectError what Node said when the connection failed, if it did: grpc-js keeps only its text
 */
export function classifyStatus({ code, details }: Status, connectError?: Error): Classification {
  // Texts first: they are etcd's own, and the same in 3.4, 3.5 and 3.6. (api/v3rpc/rpctypes/error.go)
  if (/rpc not supported for learner/.test(details)) return ['learner', 'this etcd member is still a learner']
  if (/etcdserver: (no leader|leader changed|request timed out|not leader)/.test(details)) {
    return ['no-leader', 'etcd has no leader or lost its quorum']
  }
  if (
    /etcdserver: (authentication failed|user name (is empty|not found)|invalid auth token|authentication is not enabled)/.test(
      details,
    )
  ) {
    return ['unauthenticated', 'etcd has auth switched on and refused the credentials']
  }
  if (/etcdserver: permission denied/.test(details)) {
    return ['permission-denied', 'etcd does not let this user read the key']
  }
  if (/larger than max/.test(details)) return ['invalid-value', 'the value is too large to be a list of addresses']

  // An etcd that is being stopped ends its calls like that, too; over TLS with a 200 and no more.
  if (/Call ended without gRPC status|Received HTTP status code 200\b/.test(details)) {
    return ['unavailable', 'the call was ended without a status: etcd is stopping, or this is no etcd']
  }
  const http = /Received HTTP status code (\d+)/.exec(details)?.[1]
  if (http !== undefined) {
    // 14 is grpc-js's translation of 429 and 5xx: a proxy in front of etcd that has trouble of its own.
    return code === 14
      ? ['unavailable', `what answers is a web server or proxy, with HTTP status ${http}`]
      : ['rejected', `this is not an etcd: it answers with HTTP status ${http}`]
  }
  if (/Last error: (Error: )?Protocol error|Failed to parse (DNS|server)/i.test(details) || code === 12) {
    return ['rejected', 'this is not an etcd: it does not speak gRPC']
  }
  if (code === 14 && !details.startsWith('etcdserver:')) return classifyConnectionError(details, connectError)
  if (code === 4) return ['timeout', 'etcd took the request and did not answer']
  // By etcd or a proxy, and by us where certificate files have changed or another endpoint has answered.
  if (code === 1) return ['unavailable', 'the call was cancelled']
  // Unknown, resource exhausted (too many requests), aborted, internal, unavailable: etcd's passing troubles.
  if ([2, 8, 10, 13, 14].includes(code) || /auth store is old/.test(details)) {
    return ['unavailable', 'etcd asks to come back later']
  }
  if ((code === 7 || code === 16) && !details.startsWith('etcdserver:')) return ['rejected', 'this is not an etcd']
  return ['rejected', 'etcd refused the request']
}

function classifyConnectionError(details: string, connectError: NodeJS.ErrnoException | undefined): Classification {
  const tls = typeof connectError?.code === 'string' ? connectError.code : ''
  if (notTlsCode.test(tls)) {
    return ['rejected', 'this is not an etcd with TLS: the port speaks plain text or something else']
  }
  if (/ALERT_NO_APPLICATION_PROTOCOL/.test(tls)) {
    return ['rejected', 'this is not an etcd: it does not speak HTTP/2, which gRPC needs']
  }
  if (/ALERT.*(CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED)/.test(tls)) {
    return ['tls-rejected', 'etcd refused the client certificate']
  }
  if (/ALERT/.test(tls) || /SSL alert number/.test(details)) return ['tls-rejected', 'etcd refused the TLS connection']
  if (tlsCode.test(tls) || tlsText.test(details)) return ['tls-rejected', "etcd's certificate cannot be trusted"]
  if (/before secure TLS/.test(details)) {
    return [
      'unreachable',
      'the connection was closed before TLS: a plain-text port, or a load balancer with nothing behind it',
    ]
  }
  if (/Failed to connect/.test(details)) {
    return [
      'unreachable',
      'the connection was closed at once: a TLS port spoken to in plain text, or a load balancer with nothing behind it',
    ]
  }
  if (details === dropped) return ['unreachable', 'the connection to etcd was lost']
  if (/Name resolution failed/.test(details) || connectError?.syscall === 'getaddrinfo') {
    return ['unreachable', 'the host name is not known']
  }
  return ['unreachable', 'etcd cannot be reached']
}

/** Whatever was thrown. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** The real cause on one line, without what grpc-js and Node put around it; empty where they know of none. */
export function oneLine(text: string): string {
  if (text === dropped) return ''
  return (
    text
      // Long enough for what etcd and Node say, and too short for a pattern to take its time.
      .slice(0, 2000)
      .replace(/^No connection established\. Last error: (Error: )?/, '')
      .replace(/\.?\s*Resolution note:.*$/s, '')
      // OpenSSL's own address book, and advice of Node's that does not fit here.
      .replace(/\b[0-9A-F]+:error:[0-9A-F]+:SSL routines:\w*:([^:]+):[^:]*:\d+(:[^:]*alert number \d+)?:?/g, '$1')
      .replace(/; if the root CA is installed locally.*$/s, '')
      .replace(/ \(\d{4}-\d\d-\d\dT[\d:.]+Z\)/, '')
      .replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]+/gu, ' ')
      .trim()
      .slice(0, 300)
      .toWellFormed()
  )
}
