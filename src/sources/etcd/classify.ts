import { oneLine } from '../../util/text.ts'
import { classifyConnectionError } from '../classify-connection.ts'
import type { Classification, ClassificationRule } from '../classify-connection.ts'

/** How a gRPC call ended: the status code and the text that came with it. */
export interface Status {
  readonly code: number
  readonly details: string
}

const cancelled = 1
const deadlineExceeded = 4
const permissionDenied = 7
const unimplemented = 12
const unavailable = 14
const unauthenticated = 16

/** Unknown, resource exhausted, aborted, internal and unavailable: a server in trouble that passes. */
const passingCodes = new Set([2, 8, 10, 13, unavailable])

/** The text of grpc-js for a GOAWAY with ENHANCE_YOUR_CALM, which answers keepalive pings that come too often. */
const excessPings = /Bandwidth exhausted or memory limit exceeded/

/** Whether the server has ended the connection because the keepalive pings came too often. */
export const isExcessPings = ({ details }: Status): boolean => excessPings.test(details)

/** The text of grpc-js for a connection that was lost. */
const connectionDropped = 'Connection dropped'

/**
 * Texts come before codes. They are etcd's own and the same in 3.4 to 3.6 (api/v3rpc/rpctypes/error.go), but the codes
 * differ: a learner is Unavailable in 3.4 and 3.5 and FailedPrecondition in 3.6, and a web server's 403 has the code of
 * etcd's "permission denied".
 */
const statusRules: readonly ClassificationRule[] = [
  { pattern: /rpc not supported for learner/, reason: 'learner', summary: 'this etcd member is still a learner' },
  // Before the other requests that time out, because this one has reached the quorum (etcd 3.6).
  { pattern: /waiting for the applied index/, reason: 'unavailable', summary: 'this etcd member is slow, and behind' },
  { pattern: /etcdserver: not capable/, reason: 'unavailable', summary: "etcd's members have no common version yet" },
  {
    pattern: /etcdserver: (no leader|leader changed|request timed out|not leader)/,
    reason: 'no-leader',
    summary: 'etcd has no leader or lost its quorum',
  },
  {
    pattern:
      /etcdserver: (authentication failed|user name (is empty|not found)|invalid auth token|authentication is not enabled)/,
    reason: 'unauthenticated',
    summary: 'etcd has auth switched on and refused the credentials',
  },
  {
    pattern: /etcdserver: permission denied/,
    reason: 'permission-denied',
    summary: 'etcd does not let this user read the key',
  },
  {
    pattern: /larger than max/,
    reason: 'invalid-value',
    summary: 'the value is too large to be a list of addresses',
  },
  {
    pattern: excessPings,
    reason: 'unavailable',
    summary: 'the server refused the keepalive pings as too frequent (an etcd proxy?)',
  },
  {
    // An etcd that stops ends its calls without a status; over TLS it sends only HTTP status 200.
    pattern: /Call ended without gRPC status|Received HTTP status code 200\b/,
    reason: 'unavailable',
    summary: 'the call ended without a status: etcd is stopping, or this is not an etcd',
  },
]

/**
 * Returns the reason for the end of a gRPC call.
 *
 * @param connectError the error of Node when the connection failed, if it did; grpc-js keeps only its text
 */
export function classifyStatus({ code, details }: Status, connectError?: Error): Classification {
  const byText = statusRules.find(({ pattern }) => pattern.test(details))
  if (byText !== undefined) return byText
  const http = /Received HTTP status code (\d+)/.exec(details)?.[1]
  if (http !== undefined) return classifyHttpStatus(http, code)
  if (/Last error: (Error: )?Protocol error|Failed to parse (DNS|server)/i.test(details) || code === unimplemented) {
    return { reason: 'rejected', summary: 'this is not an etcd: it does not speak gRPC' }
  }
  const fromEtcd = details.startsWith('etcdserver:')
  if (code === unavailable && !fromEtcd) return classifyConnectionError(details, connectError, 'etcd')
  if (code === deadlineExceeded) return { reason: 'timeout', summary: 'etcd took the request and did not answer' }
  // etcd and proxies cancel calls. This package does when the certificate files change or another endpoint has answered.
  if (code === cancelled) return { reason: 'unavailable', summary: 'the call was cancelled' }
  if (passingCodes.has(code) || /auth store is old/.test(details)) {
    return { reason: 'unavailable', summary: 'etcd is overloaded or in trouble' }
  }
  if ((code === permissionDenied || code === unauthenticated) && !fromEtcd) {
    return { reason: 'rejected', summary: 'this is not an etcd' }
  }
  return { reason: 'rejected', summary: 'etcd refused the request' }
}

/** grpc-js turns 429 and 5xx into Unavailable: a proxy in front of etcd that is in trouble itself. */
function classifyHttpStatus(status: string, code: number): Classification {
  return code === unavailable
    ? { reason: 'unavailable', summary: `a web server or proxy answers with HTTP status ${status}` }
    : { reason: 'rejected', summary: `this is not an etcd: it answers with HTTP status ${status}` }
}

/** Returns the real cause on one line, without the text that grpc-js puts around it; empty if there is none. */
export function describeStatus({ details }: Status, connectError?: Error): string {
  // Cut first, so that no pattern ever sees a long text.
  const text = (connectError?.message ?? details).slice(0, 2000)
  if (text === connectionDropped) return ''
  return oneLine(
    text.replace(/^No connection established\. Last error: (Error: )?/, '').replace(/\.?\s*Resolution note:.*$/s, ''),
  )
}
