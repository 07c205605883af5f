import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import http from 'node:http'
import http2 from 'node:http2'
import https from 'node:https'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import tls from 'node:tls'
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest'
import type { Reason } from '../../../../src/index.ts'
import { ObservedCall } from '../../../support/call.ts'
import { createAuthority } from '../../../support/certificates.ts'
import { record, stopwatch } from '../../../support/faults.ts'
import { expectNoLeaks } from '../../../support/no-leaks.ts'
import '../../../support/preload.ts'
import type { ClientTlsFiles } from '../../../../src/rke2.ts'
import { serve } from '../../../support/serve.ts'

let folder: string
let files: ClientTlsFiles
let serverTls: { ca: string; cert: string; key: string }
beforeAll(async () => {
  const authority = await createAuthority()
  const server = await authority.issue({ commonName: 'server', ipAddresses: ['127.0.0.1'] })
  serverTls = { ca: authority.cert, ...server }
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

type Row = [title: string, reason: Reason, message: RegExp, scheme: 'http' | 'https', createServer: () => net.Server]

const respondWith = (code: number) => (_request: unknown, response: http2.Http2ServerResponse) => {
  response.writeHead(code).end('no')
}
const http2ServerWith = (code: number) => () => http2.createServer(respondWith(code)) as unknown as net.Server
const hello = (_request: unknown, response: http.ServerResponse) => void response.end('hello')

/** Servers that are not etcd. */
const rejected: Row[] = [
  ['speaks HTTP/1', 'rejected', /not an etcd: it does not speak gRPC/, 'http', () => http.createServer(hello)],
  [
    'speaks HTTP/1 over TLS and offers nothing else',
    'rejected',
    /not etcd: it does not speak HTTP\/2/,
    'https',
    () => https.createServer({ ...serverTls, ALPNProtocols: ['http/1.1'] }, hello),
  ],
  [
    'speaks HTTP/1 over TLS and negotiates no protocol',
    'rejected',
    /not an etcd/,
    'https',
    () =>
      tls.createServer(serverTls, (socket) =>
        socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')),
      ),
  ],
  ...[401, 403, 404].map((status): Row => [
    `answers HTTP/2 with status ${status}`,
    'rejected',
    new RegExp(`not an etcd: it answers with HTTP status ${status}`),
    'http',
    http2ServerWith(status),
  ]),
  [
    'answers HTTP/2 over TLS with status 403',
    'rejected',
    /not an etcd: it answers with HTTP status 403/,
    'https',
    () => http2.createSecureServer(serverTls, respondWith(403)),
  ],
  [
    'speaks plain HTTP at an https URL',
    'rejected',
    /not etcd with TLS: the port speaks plain text/,
    'https',
    () => http.createServer(hello),
  ],
  [
    'sends an SSH banner',
    'rejected',
    /not an etcd/,
    'http',
    () => net.createServer((socket) => socket.write('SSH-2.0-OpenSSH_9.9\r\n')),
  ],
]

/** Servers that may be etcd, or have etcd behind them. */
const retried: Row[] = [
  [
    'answers HTTP/2 with status 200',
    'unavailable',
    /etcd is stopping, or this is not an etcd/,
    'http',
    http2ServerWith(200),
  ],
  [
    'answers HTTP/2 with status 429',
    'unavailable',
    /a web server or proxy answers with HTTP status 429/,
    'http',
    http2ServerWith(429),
  ],
  [
    'answers HTTP/2 with status 503',
    'unavailable',
    /a web server or proxy answers with HTTP status 503/,
    'http',
    http2ServerWith(503),
  ],
  [
    'accepts a connection and closes it',
    'unreachable',
    /closed at once: .* a load balancer without a server/,
    'http',
    () => net.createServer((socket) => void socket.end()),
  ],
  [
    'accepts a connection and closes it before TLS',
    'unreachable',
    /closed before TLS: .* a load balancer without a server/,
    'https',
    () => net.createServer((socket) => void socket.end()),
  ],
  [
    'accepts a connection and resets it',
    'unreachable',
    /cannot be reached \(.*ECONNRESET|closed/,
    'https',
    () => net.createServer((socket) => void socket.resetAndDestroy()),
  ],
  [
    'accepts a connection and never answers',
    'timeout',
    /TCP connected, but nothing answers/,
    'http',
    () => net.createServer(),
  ],
  [
    'accepts a connection and never answers over TLS',
    'timeout',
    /TCP connected, but nothing answers/,
    'https',
    () => net.createServer((socket) => void socket.resume()),
  ],
]

/** Returns how a call of two attempts ends, and the reasons of its phases. */
async function outcome([title, reason, , scheme, createServer]: Row) {
  const port = await serve(createServer())
  const elapsedMs = stopwatch()
  const call = new ObservedCall({
    endpoints: `${scheme}://127.0.0.1:${port}`,
    tls: files,
    // The first attempt may also have to load modules.
    attemptTimeoutMs: reason === 'timeout' ? 1000 : 10_000,
    retry: { maxAttempts: 2, initialDelayMs: 1 },
  })
  await call.until(reason)
  record({ fault: `not an etcd: ${title}`, reason, reportedMs: elapsedMs() })
  const { code, message } = await call.error()
  return { code, message, reasons: call.reasons }
}

test.each(rejected)('resolve ends at once at a server that %s', async (...row) => {
  const [, reason, message] = row
  expect(await outcome(row)).toEqual({ code: 'REJECTED', reasons: [reason], message: expect.stringMatching(message) })
})

test.each(retried)('resolve tries again at a server that %s', async (...row) => {
  const [, reason, message] = row
  const expected = { code: 'ATTEMPTS_EXHAUSTED', reasons: [reason], message: expect.stringMatching(message) }
  expect(await outcome(row)).toEqual(expected)
})

test('resolve refuses a certificate of another CA, even with NODE_TLS_REJECT_UNAUTHORIZED=0', async () => {
  vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0')
  onTestFinished(() => void vi.unstubAllEnvs())
  const untrusted = await (await createAuthority()).issue({ commonName: 'server', ipAddresses: ['127.0.0.1'] })
  const port = await serve(http2.createSecureServer(untrusted, respondWith(403)))
  const call = new ObservedCall({ endpoints: `https://127.0.0.1:${port}`, tls: files, retry: { maxAttempts: 1 } })
  expect(await call.error()).toMatchObject({ code: 'ATTEMPTS_EXHAUSTED', reason: 'tls-rejected' })
})
