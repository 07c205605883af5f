import type { Reason } from '../errors.ts'

/** A reason, and a sentence that says what happened. */
export interface Classification {
  readonly reason: Reason
  readonly summary: string
  /** How long to retry in milliseconds, if not as long as the reason is. */
  readonly retryForMs?: number
}

/** A classification, and the text or code of an error that it is for. */
export interface ClassificationRule extends Classification {
  readonly pattern: RegExp
}

const tlsRules: (server: string) => readonly ClassificationRule[] = (server) => [
  {
    // Retried without limit: the clock may be wrong until NTP has set it.
    pattern: /^CERT_NOT_YET_VALID$/,
    reason: 'tls-rejected',
    summary: `the certificate of ${server} is not valid yet, or the clock of this machine is wrong`,
    retryForMs: Infinity,
  },
  {
    // The first bytes of the server are not TLS.
    pattern:
      /^ERR_SSL_(WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST|UNSUPPORTED_PROTOCOL|RECORD_LAYER_FAILURE)$/,
    reason: 'rejected',
    summary: `this is not ${server} with TLS: the port speaks plain text or something else`,
  },
  {
    pattern: /ALERT_NO_APPLICATION_PROTOCOL/,
    reason: 'rejected',
    summary: `this is not ${server}: it does not speak HTTP/2`,
  },
  {
    pattern: /ALERT.*(CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED)/,
    reason: 'tls-rejected',
    summary: `${server} refused the client certificate`,
  },
  { pattern: /ALERT/, reason: 'tls-rejected', summary: `${server} refused the TLS connection` },
]

/** The codes of OpenSSL and Node for a certificate that this side does not accept. */
const untrustedCode =
  /^(ERR_TLS_CERT|ERR_SSL_|ERR_OSSL_|CERT_|CRL_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|INVALID_(CA|PURPOSE)|PATH_LENGTH|HOSTNAME_MISMATCH)/

const connectionRules: (server: string) => readonly ClassificationRule[] = (server) => [
  { pattern: /SSL alert number/, reason: 'tls-rejected', summary: `${server} refused the TLS connection` },
  {
    pattern: /certificate|altnames|SSL routines/i,
    reason: 'tls-rejected',
    summary: `the certificate of ${server} cannot be trusted`,
  },
  {
    pattern: /before secure TLS/,
    reason: 'unreachable',
    summary: 'the connection was closed before TLS: a plain-text port, or a load balancer without a server',
  },
  {
    pattern: /Failed to connect/,
    reason: 'unreachable',
    summary:
      'the connection was closed at once: a TLS port addressed with http://, or a load balancer without a server',
  },
  { pattern: /^Connection dropped$/, reason: 'unreachable', summary: `the connection to ${server} was lost` },
]

/**
 * Returns the reason for a connection that failed or was lost.
 *
 * @param details the text that came with the failure
 * @param error the error of Node, if it is known
 * @param server the server that was connected to, for the summary
 */
export function classifyConnectionError(
  details: string,
  error: NodeJS.ErrnoException | undefined,
  server: string,
): Classification {
  const code = typeof error?.code === 'string' ? error.code : ''
  const byCode = tlsRules(server).find(({ pattern }) => pattern.test(code))
  if (byCode !== undefined) return byCode
  // An alert in the text means that the server has refused, and not this side. The rules for texts handle that.
  if (untrustedCode.test(code) && !/SSL alert number/.test(details)) {
    return { reason: 'tls-rejected', summary: `the certificate of ${server} cannot be trusted` }
  }
  const byText = connectionRules(server).find(({ pattern }) => pattern.test(details))
  if (byText !== undefined) return byText
  if (error?.syscall === 'getaddrinfo') {
    const isSilent = code === 'EAI_AGAIN'
    const summary = isSilent ? 'the host name is not resolved: DNS does not answer' : 'the host name is not known'
    return { reason: 'unreachable', summary }
  }
  return { reason: 'unreachable', summary: `${server} cannot be reached` }
}
