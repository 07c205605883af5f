import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import http from 'node:http'
import http2 from 'node:http2'
import https from 'node:https'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import tls from 'node:tls'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import type { Reason, TlsFiles } from '../../../../src/index.ts'
import { ObservedCall } from '../../../support/call.ts'
import { createAuthority } from '../../../support/certificates.ts'
import { record, stopwatch } from '../../../support/faults.ts'
import { expectNoLeaks } from '../../../support/no-leaks.ts'
import '../../../support/preload.ts'
import { serve } from '../../../support/serve.ts'

let folder: string
let files: TlsFiles
let pair: { ca: string; cert: string; key: string }
beforeAll(async () => {
  const authority = await createAuthority()
  const server = await authority.issue({ commonName: 'server', ipAddresses: ['127.0.0.1'] })
  pair = { ca: authority.cert, ...server }
  folder = await mkdtemp(join(tmpdir(), 'not-etcd-'))
  files = { caFile: join(folder, 'ca.crt'), certFile: join(folder, 'crt'), keyFile: join(folder, 'key') }
  await Promise.all([
    writeFile(files.caFile, authority.cert),
    writeFile(files.certFile, server.cert),
    writeFile(files.keyFile, server.key),
  ])
})
afterAll(() => rm(folder, { recursive: true }))
expectNoLeaks()

type Row = [title: string, reason: Reason, message: RegExp, scheme: 'http' | 'https', make: () => net.Server]

const status = (code: number) => (_request: unknown, response: http2.Http2ServerResponse) => {
  response.writeHead(code).end('no')
}
const http2With = (code: number) => () => http2.createServer(status(code)) as unknown as net.Server
const web = (_request: unknown, response: http.ServerResponse) => void response.end('hello')

const rejected: Row[] = [
  ['HTTP/1', 'rejected', /not an etcd: it does not speak gRPC/, 'http', () => http.createServer(web)],
  [
    'HTTPS/1, which knows no other',
    'rejected',
    /not an etcd: it does not speak HTTP\/2/,
    'https',
    () => https.createServer({ ...pair, ALPNProtocols: ['http/1.1'] }, web),
  ],
  [
    'HTTPS/1, which negotiates nothing',
    'rejected',
    /not an etcd/,
    'https',
    () => tls.createServer(pair, (socket) => socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))),
  ],
  ['HTTP/2 with 401', 'rejected', /not an etcd: it answers with HTTP status 401/, 'http', http2With(401)],
  ['HTTP/2 with 403', 'rejected', /not an etcd: it answers with HTTP status 403/, 'http', http2With(403)],
  ['HTTP/2 with 404', 'rejected', /not an etcd: it answers with HTTP status 404/, 'http', http2With(404)],
  [
    'HTTPS/2 with 403',
    'rejected',
    /not an etcd: it answers with HTTP status 403/,
    'https',
    () => http2.createSecureServer(pair, status(403)),
  ],
  [
    'plain HTTP behind an https URL',
    'rejected',
    /not an etcd with TLS: the port speaks plain text/,
    'https',
    () => http.createServer(web),
  ],
  [
    'something that talks first',
    'rejected',
    /not an etcd/,
    'http',
    () => net.createServer((socket) => socket.write('SSH-2.0-OpenSSH_9.9\r\n')),
  ],
]

const waited: Row[] = [
  ['HTTP/2 with 200', 'unavailable', /etcd is stopping, or this is no etcd/, 'http', http2With(200)],
  ['HTTP/2 with 429', 'unavailable', /a web server or proxy, with HTTP status 429/, 'http', http2With(429)],
  ['HTTP/2 with 503', 'unavailable', /a web server or proxy, with HTTP status 503/, 'http', http2With(503)],
  [
    'accepts and closes',
    'unreachable',
    /closed at once: .* a load balancer with nothing behind it/,
    'http',
    () => net.createServer((socket) => void socket.end()),
  ],
  [
    'accepts and closes before TLS',
    'unreachable',
    /closed before TLS: .* a load balancer with nothing behind it/,
    'https',
    () => net.createServer((socket) => void socket.end()),
  ],
  [
    'accepts and resets',
    'unreachable',
    /cannot be reached \(.*ECONNRESET|closed/,
    'https',
    () => net.createServer((socket) => void socket.resetAndDestroy()),
  ],
  ['accepts and never answers', 'timeout', /TCP connected, but nothing answers/, 'http', () => net.createServer()],
  [
    'accepts and never answers, TLS',
    'timeout',
    /TCP connected, but nothing answers/,
    'https',
    () => net.createServer((socket) => void socket.resume()),
  ],
]

/** How a call of two attempts ends, and what it said on the way. */
async function outcome([title, reason, , scheme, make]: Row) {
  const port = await serve(make())
  const told = stopwatch()
  const call = new ObservedCall({
    endpoints: `${scheme}://127.0.0.1:${port}`,
    tls: files,
    // What is loaded by the first attempt is in it, too.
    attemptTimeoutMs: reason === 'timeout' ? 1000 : 10_000,
    retry: { maxAttempts: 2, initialDelayMs: 1 },
  })
  await call.until(reason)
  record({ fault: `not an etcd: ${title}`, reason, tellMs: told() })
  const { code, message } = await call.error()
  return { code, message, reasons: call.reasons }
}

describe.each([
  ['what is no etcd is rejected', 'REJECTED', rejected],
  ['what may have an etcd behind it is asked again', 'ATTEMPTS_EXHAUSTED', waited],
] as const)('%s', (_title, code, rows) => {
  test.each(rows)('%s', async (...row) => {
    const [, reason, message] = row
    expect(await outcome(row)).toEqual({ code, reasons: [reason], message: expect.stringMatching(message) })
  })
})

test('a certificate of somebody else is refused, also where the environment switches verification off for all of Node', async () => {
  vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0')
  onTestFinished(() => void vi.unstubAllEnvs())
  const stranger = await (await createAuthority()).issue({ commonName: 'server', ipAddresses: ['127.0.0.1'] })
  const port = await serve(http2.createSecureServer(stranger, status(403)))
  const call = new ObservedCall({ endpoints: `https://127.0.0.1:${port}`, tls: files, retry: { maxAttempts: 1 } })
  expect(await call.error()).toMatchObject({ code: 'ATTEMPTS_EXHAUSTED', reason: 'tls-rejected' })
})
