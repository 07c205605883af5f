import { expect, test } from 'vitest'
import type { Reason } from '../../../../src/index.ts'
import { classifyStatus, describeStatus } from '../../../../src/sources/etcd/classify.ts'

const connectionFailed = (text: string) => `No connection established. Last error: ${text}. Resolution note: `
const nodeError = (code: string, message = code) => Object.assign(new Error(message), { code })

/** The statuses of etcd 3.4 to 3.6, and of grpc-js and Node. */
const answers: [reason: Reason, code: number, details: string, connectError?: Error][] = [
  ['no-leader', 14, 'etcdserver: no leader'],
  ['no-leader', 14, 'etcdserver: leader changed'],
  ['no-leader', 14, 'etcdserver: request timed out'],
  ['no-leader', 14, 'etcdserver: request timed out, possibly due to previous leader failure'],
  ['no-leader', 14, 'etcdserver: request timed out, possibly due to connection lost'],
  ['no-leader', 9, 'etcdserver: not leader'],
  ['learner', 14, 'etcdserver: rpc not supported for learner'],
  ['learner', 9, 'etcdserver: rpc not supported for learner'],
  ['unavailable', 14, 'etcdserver: request timed out, waiting for the applied index took too long'],
  ['unavailable', 14, 'etcdserver: not capable'],
  ['unavailable', 9, 'etcdserver: not capable'],
  ['unavailable', 14, 'etcdserver: server stopped'],
  ['unavailable', 14, 'etcdserver: unhealthy cluster'],
  ['unavailable', 8, 'etcdserver: too many requests'],
  ['unavailable', 8, 'Bandwidth exhausted or memory limit exceeded'],
  ['unavailable', 3, 'etcdserver: revision of auth store is old'],
  ['unavailable', 1, 'context canceled'],
  ['unavailable', 2, 'context deadline exceeded'],
  ['unavailable', 10, 'aborted'],
  ['unavailable', 13, 'Received RST_STREAM with code 2'],
  ['unavailable', 13, 'Received RST_STREAM with code 0 (Call ended without gRPC status)'],
  ['unavailable', 2, 'Received HTTP status code 200'],
  ['unavailable', 14, 'Received HTTP status code 503'],
  ['unavailable', 14, 'Received HTTP status code 429'],
  ['timeout', 4, 'context deadline exceeded'],
  ['unauthenticated', 3, 'etcdserver: authentication failed, invalid user ID or password'],
  ['unauthenticated', 3, 'etcdserver: user name is empty'],
  ['unauthenticated', 9, 'etcdserver: user name not found'],
  ['unauthenticated', 16, 'etcdserver: invalid auth token'],
  ['permission-denied', 7, 'etcdserver: permission denied'],
  ['invalid-value', 8, 'Received message larger than max (4299213 vs 4194304)'],
  ['rejected', 7, 'Received HTTP status code 403'],
  ['rejected', 16, 'Received HTTP status code 401'],
  ['rejected', 12, 'Received HTTP status code 404'],
  ['rejected', 12, 'unknown service etcdserverpb.KV'],
  ['rejected', 7, 'permission denied by policy'],
  ['rejected', 16, 'no token'],
  ['rejected', 3, 'etcdserver: key is not provided'],
  ['rejected', 15, 'etcdserver: corrupt cluster'],
  ['rejected', 14, connectionFailed('Protocol error')],
  ['rejected', 14, 'Failed to parse DNS address dns:x:y:z'],
  ['rejected', 14, connectionFailed('x'), nodeError('ERR_SSL_WRONG_VERSION_NUMBER')],
  ['rejected', 14, connectionFailed('x'), nodeError('ERR_SSL_PACKET_LENGTH_TOO_LONG')],
  ['rejected', 14, connectionFailed('x'), nodeError('ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL')],
  ['tls-rejected', 14, connectionFailed('unable to verify the first certificate')],
  ['tls-rejected', 14, connectionFailed('x'), nodeError('UNABLE_TO_VERIFY_LEAF_SIGNATURE')],
  ['tls-rejected', 14, connectionFailed('x'), nodeError('SELF_SIGNED_CERT_IN_CHAIN')],
  ['tls-rejected', 14, connectionFailed('x'), nodeError('CERT_HAS_EXPIRED')],
  ['tls-rejected', 14, connectionFailed('x'), nodeError('ERR_TLS_CERT_ALTNAME_INVALID')],
  // Go's alerts for a client certificate, which differ between its versions: 42, 45, 46, 48 and 116.
  ['tls-rejected', 14, connectionFailed('x'), nodeError('ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE')],
  ['tls-rejected', 14, connectionFailed('x'), nodeError('ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE')],
  ['tls-rejected', 14, connectionFailed('x'), nodeError('ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED')],
  ['tls-rejected', 14, connectionFailed('x'), nodeError('ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN')],
  ['tls-rejected', 14, connectionFailed('x'), nodeError('ERR_SSL_TLSV1_ALERT_UNKNOWN_CA')],
  ['tls-rejected', 14, connectionFailed('x'), nodeError('ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED')],
  ['tls-rejected', 14, connectionFailed('x'), nodeError('ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR')],
  ['unreachable', 14, connectionFailed('connect ECONNREFUSED 127.0.0.1:2379')],
  ['unreachable', 14, connectionFailed('connect EHOSTUNREACH 10.0.0.1:2379')],
  ['unreachable', 14, connectionFailed('x'), nodeError('ECONNRESET', 'read ECONNRESET')],
  ['unreachable', 14, 'Name resolution failed for target dns:nowhere:2379'],
  ['unreachable', 14, 'Connection dropped'],
  ['unreachable', 14, 'Channel closed before call started'],
  ['unreachable', 14, connectionFailed('Failed to connect (2026-01-02T03:04:05.678Z)')],
  [
    'unreachable',
    14,
    connectionFailed('Client network socket disconnected before secure TLS connection was established'),
  ],
]

test.each(answers)('classifyStatus returns %s for status %i %s', (reason, code, details, connectError) => {
  const classification = classifyStatus({ code, details }, connectError)
  expect(classification.reason).toBe(reason)
  expect(classification.summary).toMatch(/^[\w][^\n]+$/)
})

test.each([
  ['ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED', 'etcd refused the client certificate'],
  ['ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR', 'etcd refused the TLS connection'],
  ['CERT_HAS_EXPIRED', 'the certificate of etcd cannot be trusted'],
  ['ERR_SSL_WRONG_VERSION_NUMBER', 'this is not etcd with TLS: the port speaks plain text or something else'],
])('classifyStatus names the side that refused for %s', (code, summary) => {
  expect(classifyStatus({ code: 14, details: connectionFailed('x') }, nodeError(code)).summary).toBe(summary)
})

test.each([
  ['request timed out, waiting for the applied index took too long', 'this etcd member is slow, and behind'],
  ['not capable', "etcd's members have no common version yet"],
])('classifyStatus says what to look at for the text %s', (text, summary) => {
  expect(classifyStatus({ code: 14, details: `etcdserver: ${text}` }).summary).toBe(summary)
})

test('classifyStatus describes a lost connection without the text of grpc-js', () => {
  const status = { code: 14, details: 'Connection dropped' }
  expect(classifyStatus(status)).toMatchObject({ reason: 'unreachable', summary: 'the connection to etcd was lost' })
  expect(describeStatus(status)).toBe('')
})

test.each([
  [connectionFailed('connect ECONNREFUSED 127.0.0.1:2379'), 'connect ECONNREFUSED 127.0.0.1:2379'],
  [connectionFailed('Error: read ECONNRESET'), 'read ECONNRESET'],
  [connectionFailed('Failed to connect (2026-01-02T03:04:05.678Z)'), 'Failed to connect'],
])('describeStatus returns the cause inside %j', (details, cause) => {
  expect(describeStatus({ code: 14, details })).toBe(cause)
})

test("describeStatus prefers the message of Node's error to the text of grpc-js", () => {
  const error = nodeError('ECONNRESET', 'read ECONNRESET')
  expect(describeStatus({ code: 14, details: connectionFailed('x') }, error)).toBe('read ECONNRESET')
})

test('describeStatus cuts a text before any pattern sees it', () => {
  const long = ' '.repeat(1999) + '. Resolution note: x'
  expect(describeStatus({ code: 14, details: `a${long}` })).toBe('a')
  expect(describeStatus({ code: 14, details: `${'a'.repeat(2000)}${long}` })).toBe('a'.repeat(300))
})
