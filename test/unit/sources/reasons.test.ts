import { describe, expect, test } from 'vitest'
import type { Reason } from '../../../src/index.ts'
import { classifyStatus, Failure, oneLine, reasons } from '../../../src/sources/reasons.ts'

const connectionFailed = (text: string) => `No connection established. Last error: ${text}. Resolution note: `
const nodeError = (code: string, message = code) => Object.assign(new Error(message), { code })

/** As etcd 3.4, 3.5 and 3.6 say it, and grpc-js and Node around it. */
const answers: [reason: Reason, code: number, details: string, connectError?: Error][] = [
  ['no-leader', 14, 'etcdserver: no leader'],
  ['no-leader', 14, 'etcdserver: leader changed'],
  ['no-leader', 14, 'etcdserver: request timed out'],
  ['no-leader', 14, 'etcdserver: request timed out, possibly due to previous leader failure'],
  ['no-leader', 14, 'etcdserver: request timed out, possibly due to connection lost'],
  ['no-leader', 9, 'etcdserver: not leader'],
  ['learner', 14, 'etcdserver: rpc not supported for learner'],
  ['learner', 9, 'etcdserver: rpc not supported for learner'],
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
  // Go's words for a client certificate, by its version: 42, 45, 46, 48 and 116.
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

describe('the end of a call is', () => {
  test.each(answers)('%s: %i %s', (reason, code, details, connectError) => {
    const [judged, summary] = classifyStatus({ code, details }, connectError)
    expect(judged).toBe(reason)
    expect(summary).toMatch(/^[\w][^\n]+$/)
  })
})

test.each([
  ['ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED', 'etcd refused the client certificate'],
  ['ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR', 'etcd refused the TLS connection'],
  ['CERT_HAS_EXPIRED', "etcd's certificate cannot be trusted"],
  ['ERR_SSL_WRONG_VERSION_NUMBER', 'this is not an etcd with TLS: the port speaks plain text or something else'],
])('%s says which side is to look at', (code, summary) => {
  expect(classifyStatus({ code: 14, details: connectionFailed('x') }, nodeError(code))[1]).toBe(summary)
})

test('a connection that is lost is told in words of ours', () => {
  expect(classifyStatus({ code: 14, details: 'Connection dropped' })).toEqual([
    'unreachable',
    'the connection to etcd was lost',
  ])
})

describe('a failure', () => {
  test.each(Object.entries(reasons))('%s says what is waited for, and for how long', (reason, meaning) => {
    const final = ['tls-files-unreadable', 'unauthenticated', 'permission-denied', 'invalid-value', 'rejected']
    const retryForMs = final.includes(reason) ? 0 : reason === 'tls-rejected' ? 10_000 : Infinity
    expect(new Failure(reason as Reason, 'message')).toMatchObject({ reason, retryForMs, message: 'message' })
    expect(meaning.description).not.toBe('')
  })

  test('has its cause only where there is one', () => {
    expect('cause' in new Failure('timeout', 'message')).toBe(false)
    expect(new Failure('timeout', 'message', { cause: undefined })).toHaveProperty('cause', undefined)
  })
})

test.each([
  [connectionFailed('connect ECONNREFUSED 127.0.0.1:2379'), 'connect ECONNREFUSED 127.0.0.1:2379'],
  [connectionFailed('Error: read ECONNRESET'), 'read ECONNRESET'],
  [connectionFailed('Failed to connect (2026-01-02T03:04:05.678Z)'), 'Failed to connect'],
  ['Connection dropped', ''],
  ['two\nlines\u2028or\tthree\u0000', 'two lines or three'],
  ['not \x1b[2J\x9b7mforged \u202e\u{e0001}by this', 'not  [2J 7mforged  by this'],
  [
    '40BD66CCCC7F0000:error:0A000412:SSL routines:ssl3_read_bytes:ssl/tls alert bad certificate:../deps/openssl/openssl/ssl/record/rec_layer_s3.c:918:SSL alert number 42\n',
    'ssl/tls alert bad certificate',
  ],
  ['x'.repeat(1000), 'x'.repeat(300)],
])('%j is told on one line', (text, line) => {
  expect(oneLine(text)).toBe(line)
})

test('a text of any length is told on one line at once', () => {
  const startedAt = performance.now()
  for (const part of [' ', '. ', 'A:', '1:error:1:SSL routines:', ' (2026-01-02T']) oneLine(part.repeat(1 << 20))
  expect(performance.now() - startedAt).toBeLessThan(500)
})
