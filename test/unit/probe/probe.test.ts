import dns from 'node:dns'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createSecureContext } from 'node:tls'
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest'
import { Call } from '../../../src/call/call.ts'
import { parseOptions } from '../../../src/call/config.ts'
import type { ProbeKind } from '../../../src/options.ts'
import { probe } from '../../../src/probe/probe.ts'
import { Prober } from '../../../src/probe/prober.ts'
import { systemClock } from '../../../src/util/clock.ts'
import type { Clock } from '../../../src/util/clock.ts'
import { startApiserver, writeServerCa } from '../../support/apiserver.ts'
import type { ApiserverOptions } from '../../support/apiserver.ts'
import { createAuthority } from '../../support/certificates.ts'
import type { Authority } from '../../support/certificates.ts'
import { VirtualClock } from '../../support/clock.ts'
import { checkLeaks } from '../../support/leaks.ts'
import { unusedPort } from '../../support/net.ts'
import { serve } from '../../support/serve.ts'
import { SourceTraits } from '../../support/source-traits.ts'

/** The CA of the cluster, and another CA. */
let authority: Authority
let otherAuthority: Authority
const dataDir = mkdtempSync(join(tmpdir(), 'probe-'))
beforeAll(async () => {
  authority = await createAuthority('rke2-server-ca')
  otherAuthority = await createAuthority('other-ca')
  await writeServerCa(dataDir, authority)
})
afterAll(() => rmSync(dataDir, { recursive: true }))

async function server(options: ApiserverOptions = {}, issuer: Authority = authority) {
  const apiserver = await startApiserver(issuer, options)
  onTestFinished(() => apiserver.stop())
  return apiserver
}

/** Returns the result of one probe, and checks that it leaves nothing open. */
async function probeOnce(kind: ProbeKind, address: string, clock: Clock = systemClock) {
  const config = parseOptions({ probe: kind, dataDir, probeTimeoutMs: 30_000 }, 'resolve')
  const source = new SourceTraits(dataDir)
  const call = new Call(config, clock, source)
  using leaks = checkLeaks()
  const [result] = await new Prober(config, source, clock).probe([address], call)
  call.end()
  await leaks.expectNone()
  return result
}
const alive = { state: 'alive', latencyMs: expect.any(Number) }
const dead = (cause: RegExp) => ({ state: 'dead', cause: expect.stringMatching(cause) })

test.each([200, 401, 403])('a readyz probe takes HTTP status %d for alive', async (status) => {
  const apiserver = await server({ status })
  expect(await probeOnce('readyz', apiserver.address)).toMatchObject({ ...alive, verified: true })
  expect(apiserver.requests).toEqual(['GET /readyz'])
})

test.each([302, 404, 429, 500, 503])('a readyz probe takes HTTP status %d for dead', async (status) => {
  const { address } = await server({ status })
  expect(await probeOnce('readyz', address)).toMatchObject(
    dead(new RegExp(`^GET /readyz was answered with HTTP status ${status}$`)),
  )
})

test('a readyz probe does not wait for the end of the response', async () => {
  const { address } = await server({ answer: (_request, response) => void response.writeHead(200).write('o') })
  expect(await probeOnce('readyz', address)).toMatchObject(alive)
})

test('a readyz probe takes a request without a response for dead after probeTimeoutMs', async () => {
  const clock = new VirtualClock()
  const { address } = await server({ answer: () => void clock.advance(30_000) })
  expect(await probeOnce('readyz', address, clock)).toMatchObject(dead(/^GET \/readyz was not answered \(30 s\)$/))
})

test('a readyz probe takes a connection that is closed without a response for dead', async () => {
  const { address } = await server({ answer: (request) => void request.socket.destroy() })
  expect(await probeOnce('readyz', address)).toMatchObject(dead(/hang up|ECONNRESET|closed/))
})

test('a readyz probe verifies the certificate', async () => {
  const { address } = await server({}, otherAuthority)
  expect(await probeOnce('readyz', address)).toMatchObject({ ...dead(/certificate/), verified: false })
})

test('a readyz probe verifies the certificate although NODE_TLS_REJECT_UNAUTHORIZED is 0', async () => {
  vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0')
  onTestFinished(() => void vi.unstubAllEnvs())
  const { address } = await server({}, otherAuthority)
  expect(await probeOnce('readyz', address)).toMatchObject({ ...dead(/certificate/), verified: false })
})

test('a tls probe takes a handshake for alive, and sends no request', async () => {
  const apiserver = await server({ status: 500 })
  expect(await probeOnce('tls', apiserver.address)).toMatchObject({ ...alive, verified: true })
  expect(apiserver.requests).toEqual([])
})

test.each([
  ['a certificate of another CA', () => server({}, otherAuthority), /certificate/],
  ['a certificate for another address', () => server({ certificate: { ipAddresses: ['10.0.0.1'] } }), /127\.0\.0\.1/],
  ['an expired certificate', () => server({ certificate: { notAfter: new Date(Date.now() - 1000) } }), /expired/],
] as const)('a tls probe takes %s for dead', async (_name, start, cause) => {
  const { address } = await start()
  expect(await probeOnce('tls', address)).toMatchObject({ ...dead(cause), verified: false })
})

test('a tls probe verifies the host name of an address that has one', async () => {
  const { address } = await server({ host: 'localhost', certificate: { ipAddresses: [], dnsNames: ['localhost'] } })
  expect(await probeOnce('tls', address)).toMatchObject({ ...alive, verified: true })
})

test('a tls probe verifies an IPv6 address', async () => {
  const { address } = await server({ host: '::1' })
  expect(address).toMatch(/^\[::1\]:/)
  expect(await probeOnce('tls', address)).toMatchObject({ ...alive, verified: true })
})

test('a tls probe takes plain text for dead', async () => {
  const port = await serve(createServer((socket) => void socket.end('SSH-2.0-OpenSSH\r\n')))
  expect(await probeOnce('tls', `127.0.0.1:${port}`)).toMatchObject(dead(/SSL|wrong version|TLS/i))
})

test('a tls probe takes a handshake without a response for dead after probeTimeoutMs', async () => {
  const clock = new VirtualClock()
  const port = await serve(createServer((socket) => socket.once('data', () => void clock.advance(30_000))))
  expect(await probeOnce('tls', `127.0.0.1:${port}`, clock)).toMatchObject(
    dead(/^TCP connected, but the TLS handshake timed out \(30 s\)$/),
  )
})

test('a tcp probe takes a connection for alive, without verifying a certificate', async () => {
  const { address } = await server({}, otherAuthority)
  const result = await probeOnce('tcp', address)
  expect(result).toMatchObject(alive)
  expect(result).not.toHaveProperty('verified')
})

test('a tcp probe takes a refused connection for dead', async () => {
  const address = `127.0.0.1:${await unusedPort()}`
  expect(await probeOnce('tcp', address)).toMatchObject(dead(new RegExp(`^connect ECONNREFUSED ${address}$`)))
})

test('a tcp probe of a host name returns the cause for its IP addresses, or that there are none', async () => {
  const port = await unusedPort()
  expect(await probeOnce('tcp', `localhost:${port}`)).toMatchObject(dead(/ECONNREFUSED/))
  expect(await probeOnce('tcp', 'no-such-host.invalid:1')).toMatchObject(dead(/ENOTFOUND|EAI_AGAIN/))
})

test('probe rejects with what it waited for when it is aborted', async () => {
  const target = { address: '127.0.0.1:1', kind: 'tcp' as const, context: createSecureContext() }
  await expect(probe(target, AbortSignal.abort())).rejects.toThrow('no connection; packets may be dropped on the way')
})

test('a probe of a host name says that DNS does not answer, and shares the look-up with other probes', async () => {
  const spy = vi.spyOn(dns.promises, 'lookup').mockImplementation(() => new Promise(() => {}))
  onTestFinished(() => spy.mockRestore())
  const target = { address: 'apiserver.example:6443', kind: 'tls' as const, context: createSecureContext() }
  const controller = new AbortController()
  const probes = [probe(target, controller.signal), probe(target, controller.signal)]
  controller.abort()
  for (const each of probes) await expect(each).rejects.toThrow('the host name is not resolved: DNS does not answer')
  expect(spy).toHaveBeenCalledTimes(1)
})
