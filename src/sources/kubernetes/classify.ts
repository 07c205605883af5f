import type { IncomingHttpHeaders } from 'node:http2'
import { objectOf } from '../../util/object.ts'
import { messageOf, oneLine } from '../../util/text.ts'
import type { Certificates } from '../certificates.ts'
import { classifyConnectionError } from '../classify-connection.ts'
import { Failure } from '../failure.ts'
import { retryForMsOf } from '../reasons.ts'
import { tlsHint } from '../tls-hint.ts'

const longestRetryAfterMs = 60_000

/** What it may mean that an endpoint of this node cannot be reached, by the code of Node's error. */
const nodeHints: ReadonlyMap<string | undefined, string> = new Map([
  ['ECONNREFUSED', 'nothing listens on this node: RKE2 or K3s is not running'],
  ['ECONNRESET', 'the load balancer of this node has no server that answers'],
])

const role = 'needed is a Role in the namespace default with get, list and watch of endpointslices in discovery.k8s.io'

/** What a failure is about. */
export interface FailureContext {
  readonly url: string
  /** Whether the endpoint is one of this node: its load balancer, or its apiserver. */
  readonly isOfNode: boolean
  readonly certificates: Certificates | undefined
}

/** Returns the failure for an HTTP status other than 200, with the text of a `Status` object. */
export function failureOfStatus(
  status: number,
  headers: IncomingHttpHeaders,
  body: string,
  { url, certificates }: FailureContext,
): Failure {
  const said = statusMessage(body)
  const text = `HTTP status ${status}${said && `: ${said}`}`
  if (status === 401) {
    const expired = expiry(certificates)
    const hint = expired ?? 'the certificate or the token may have expired; restarting the agent renews certificates'
    return new Failure('unauthenticated', `${url}: the apiserver refused the credentials (${text})`, {
      retryForMs: retryForMsOf('unauthenticated', 'kubernetes'),
      hint,
    })
  }
  if (status === 403) {
    const message = `${url}: the apiserver does not let this user read the EndpointSlices (${text})`
    const retryForMs = retryForMsOf('permission-denied', 'kubernetes')
    return new Failure('permission-denied', message, { retryForMs, hint: role })
  }
  if (status === 429 || status >= 500) {
    const retryAfterMs = retryAfter(headers['retry-after'])
    return new Failure('unavailable', `${url}: the apiserver is starting or overloaded (${text})`, { retryAfterMs })
  }
  return new Failure('rejected', `${url}: this is not an apiserver of Kubernetes 1.21 or later (${text})`)
}

/** Returns the failure for a connection that failed or was lost. */
export function failureOfConnection(
  error: NodeJS.ErrnoException | undefined,
  { url, isOfNode, certificates }: FailureContext,
): Failure {
  const code = error?.code
  const cause = error === undefined ? '' : oneLine(messageOf(error))
  // A server that has just begun to listen has no certificate yet.
  if (code === 'ERR_SSL_TLSV1_UNRECOGNIZED_NAME') {
    return new Failure('unavailable', `${url}: the apiserver has no certificate yet (${cause})`, { cause: error })
  }
  const { reason, summary, retryForMs } = classifyConnectionError(error?.message ?? '', error, 'the apiserver')
  const message = `${url}: ${summary}${cause && ` (${cause})`}`
  const isRefusedPort = code === 'ECONNREFUSED'
  if (reason !== 'tls-rejected' || certificates === undefined) {
    const nodeHint = isOfNode && reason === 'unreachable' ? nodeHints.get(code) : undefined
    return new Failure(reason, message, { cause: error, retryForMs, isRefusedPort, hint: nodeHint })
  }
  const hint = tlsHint(certificates, cause)
  const text = `${hint.hint}; after "certificate rotate-ca", an agent has the new CA when it was restarted`
  return new Failure(reason, message, { cause: error, retryForMs: hint.retryForMs ?? retryForMs, hint: text })
}

/** The message of a `Status` object, which Kubernetes sends with an error; empty if there is none. */
export function statusMessage(body: string): string {
  try {
    const { message } = objectOf(JSON.parse(body))
    return typeof message === 'string' ? oneLine(message) : ''
  } catch {
    return ''
  }
}

/** The apiserver answers 401 for every credential that it does not accept. The certificate itself says if it is old. */
function expiry(certificates: Certificates | undefined): string | undefined {
  const { client, files } = certificates ?? {}
  if (client === undefined || client.validToDate.getTime() > Date.now()) return undefined
  return `the client certificate ${files?.certFile} has expired on ${client.validToDate.toISOString()}; restart the agent`
}

/** Returns the milliseconds of a header that says when to come back, at most a minute. */
function retryAfter(header: string | undefined): number {
  const seconds = Number(header)
  return Number.isFinite(seconds) && seconds > 0 ? Math.min(seconds * 1000, longestRetryAfterMs) : 0
}
