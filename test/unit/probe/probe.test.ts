import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createSecureContext } from 'node:tls'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { Call } from '../../../src/call/call.ts'
import { parseOptions } from '../../../src/call/config.ts'
import { probe } from '../../../src/probe/probe.ts'
import type { ProbeKind } from '../../../src/options.ts'
import { Prober } from '../../../src/probe/prober.ts'
import { systemClock } from '../../../src/util/clock.ts'
import { startApiserver, writeServerCa } from '../../support/apiserver.ts'
import type { ApiserverOptions } from '../../support/apiserver.ts'
import { createAuthority } from '../../support/certificates.ts'
import type { Authority } from '../../support/certificates.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { checkLeaks } from '../../support/leaks.ts'
import { startProxy, unusedPort } from '../../support/net.ts'
import { Recorder } from '../../support/recorder.ts'
import { serve } from '../../support/serve.ts'

let authority: Authority
let stranger: Authority
const dataDir = mkdtempSync(join(tmpdir(), 'probe-'))
beforeAll(async () => {
  authority = await createAuthority('rke2-server-ca')
  stranger = await createAuthority('somebody-else')
  await writeServerCa(dataDir, authority)
})
afterAll(() => rmSync(dataDir, { recursive: true }))

async function server(options: ApiserverOptions = {}, by: Authority = authority) {
  const apiserver = await startApiserver(by, options)
  onTestFinished(() => apiserver.stop())
  return apiserver
}

/** What one probe of this address says, leaving nothing behind. */
async function probeOnce(kind: ProbeKind, address: string, options: object = {}) {
  const { all: events, emitter } = new Recorder()
  const config = parseOptions({ probe: kind, dataDir, probeTimeoutMs: 2000, ...options, events: emitter }, 'resolve')
  const call = new Call(config, systemClock)
  using leaks = checkLeaks()
  const [state] = await new Prober(config, systemClock).probe([address], call)
  call.end()
  await leaks.expectNone()
  return { ...state, event: events[0] }
}
const alive = { state: 'alive', latencyMs: expect.any(Number) }
const dead = (cause: RegExp) => ({ state: 'dead', cause: expect.stringMatching(cause) })

describe('readyz', () => {
  test.each([200, 401, 403])('takes %d for alive', async (status) => {
    const apiserver = await server({ status })
    expect(await probeOnce('readyz', apiserver.address)).toMatchObject({ ...alive, verified: true })
    expect(apiserver.requests).toEqual(['GET /readyz'])
  })

  test.each([302, 404, 429, 500, 503])('takes %d for dead', async (status) => {
    const { address } = await server({ status })
    expect(await probeOnce('readyz', address)).toMatchObject(
      dead(new RegExp(`^GET /readyz was answered with HTTP status ${status}$`)),
    )
  })

  test('does not wait for the end of an answer', async () => {
    const { address } = await server({ answer: (_request, response) => void response.writeHead(200).write('o') })
    expect(await probeOnce('readyz', address)).toMatchObject(alive)
  })

  test('takes silence for dead after probeTimeoutMs', async () => {
    const { address } = await server({ answer: () => {} })
    expect(await probeOnce('readyz', address, { probeTimeoutMs: 300 })).toMatchObject(
      dead(/^GET \/readyz was not answered \(0.3 s\)$/),
    )
  })

  test('takes a connection that is closed without an answer for dead', async () => {
    const { address } = await server({ answer: (request) => void request.socket.destroy() })
    expect(await probeOnce('readyz', address)).toMatchObject(dead(/hang up|ECONNRESET|closed/))
  })

  test('checks the certificate too', async () => {
    const { address } = await server({}, stranger)
    expect(await probeOnce('readyz', address)).toMatchObject({ ...dead(/certificate/), verified: false })
  })

  test('checks it also where the environment switches verification off for all of Node', async () => {
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0')
    onTestFinished(() => void vi.unstubAllEnvs())
    const { address } = await server({}, stranger)
    expect(await probeOnce('readyz', address)).toMatchObject({ ...dead(/certificate/), verified: false })
  })
})

describe('tls', () => {
  test('takes a handshake for alive, and sends no request', async () => {
    const apiserver = await server({ status: 500 })
    expect(await probeOnce('tls', apiserver.address)).toMatchObject({ ...alive, verified: true })
    expect(apiserver.requests).toEqual([])
  })

  test.each([
    ["a stranger's certificate", () => server({}, stranger), /certificate/],
    ["another address's certificate", () => server({ certificate: { ipAddresses: ['10.0.0.1'] } }), /127\.0\.0\.1/],
    ['an expired certificate', () => server({ certificate: { notAfter: new Date(Date.now() - 1000) } }), /expired/],
  ] as const)('takes %s for dead', async (_name, start, cause) => {
    const { address } = await start()
    expect(await probeOnce('tls', address)).toMatchObject({ ...dead(cause), verified: false })
  })

  test('checks the name where the address has one', async () => {
    const { address } = await server({ host: 'localhost', certificate: { ipAddresses: [], dnsNames: ['localhost'] } })
    expect(await probeOnce('tls', address)).toMatchObject({ ...alive, verified: true })
  })

  test('checks an IPv6 address', async () => {
    const { address } = await server({ host: '::1' })
    expect(address).toMatch(/^\[::1\]:/)
    expect(await probeOnce('tls', address)).toMatchObject({ ...alive, verified: true })
  })

  test.each([
    ['is not there', '/nowhere', /ENOENT/],
    ['is no certificate', 'rubbish', /cannot be used/],
  ])('without a CA that can be used (it %s) takes any certificate, and says so', async (_name, where, why) => {
    const folder = where === 'rubbish' ? temporaryFolder() : where
    if (where === 'rubbish') {
      await writeServerCa(folder, authority)
      writeFileSync(join(folder, 'server', 'tls', 'server-ca.crt'), 'rubbish')
    }
    const { address } = await server({}, stranger)
    expect(await probeOnce('tls', address, { dataDir: folder })).toMatchObject({
      ...alive,
      verified: false,
      event: { type: 'probed', unverified: expect.stringMatching(why) },
    })
  })

  test('takes plain text for dead', async () => {
    const port = await serve(createServer((socket) => void socket.end('SSH-2.0-OpenSSH\r\n')))
    expect(await probeOnce('tls', `127.0.0.1:${port}`)).toMatchObject(dead(/SSL|wrong version|TLS/i))
  })

  test('takes silence for dead after probeTimeoutMs', async () => {
    await using proxy = await startProxy(1)
    await proxy.blackhole()
    expect(await probeOnce('tls', `127.0.0.1:${proxy.port}`, { probeTimeoutMs: 300 })).toMatchObject(
      dead(/^TCP connected, but the TLS handshake timed out \(0.3 s\)$/),
    )
  })
})

describe('tcp', () => {
  test('takes a connection for alive, whoever it is', async () => {
    const { address } = await server({}, stranger)
    const result = await probeOnce('tcp', address)
    expect(result).toMatchObject(alive)
    expect(result).not.toHaveProperty('verified')
  })

  test('takes a refusal for dead', async () => {
    const address = `127.0.0.1:${await unusedPort()}`
    expect(await probeOnce('tcp', address)).toMatchObject(dead(new RegExp(`^connect ECONNREFUSED ${address}$`)))
  })

  test('names every address of a name, or that there is none', async () => {
    const port = await unusedPort()
    expect(await probeOnce('tcp', `localhost:${port}`)).toMatchObject(dead(/ECONNREFUSED/))
    expect(await probeOnce('tcp', 'no-such-host.invalid:1')).toMatchObject(dead(/ENOTFOUND|EAI_AGAIN/))
  })

  test('that is ended before it is connected says so', async () => {
    const target = { address: '127.0.0.1:1', kind: 'tcp' as const, context: createSecureContext() }
    await expect(probe(target, AbortSignal.abort())).rejects.toThrow('no connection; packets may be dropped on the way')
  })
})
