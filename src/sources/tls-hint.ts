import type { Certificates } from './certificates.ts'

/** What to know about a TLS connection that one side has refused. */
interface TlsHint {
  readonly hint: string
  /** How long to retry in milliseconds, if not as long as the reason is. */
  readonly retryForMs?: number
}

/**
 * Returns the hint for a TLS connection that one side has refused.
 *
 * A client certificate that is not valid yet is retried without limit: the clock may be wrong until NTP has set it, as on
 * a board without a clock.
 *
 * @param cause the text of the error; etcd's refusal is a TLS alert
 */
export function tlsHint({ files, client }: Certificates, cause: string, now: number = Date.now()): TlsHint {
  if (client === undefined) return { hint: `the CA is ${files.caFile}, and there is no client certificate` }
  const hint = `the CA is ${files.caFile}, the client certificate ${files.certFile}`
  const { validFromDate } = client
  if (!/\balert\b/i.test(cause) || validFromDate.getTime() <= now) return { hint }
  const early = `which is not valid before ${validFromDate.toISOString()}: the clock of this machine may be wrong`
  return { hint: `${hint}, ${early}`, retryForMs: Infinity }
}
