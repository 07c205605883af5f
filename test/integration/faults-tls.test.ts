import { writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ResolveOptions, TlsFiles } from '../../src/index.ts'
import type { ClientTlsFiles } from '../../src/rke2.ts'
import { ObservedCall } from '../support/call.ts'
import { createAuthority } from '../support/certificates.ts'
import type { Authority, KeyPair } from '../support/certificates.ts'
import { clientFiles, writeClientFiles } from '../support/client-files.ts'
import { startEtcd } from '../support/etcd.ts'
import type { EtcdCluster, EtcdMember } from '../support/etcd.ts'
import { longestPauseMs, record, stopwatch } from '../support/faults.ts'
import { startProxy } from '../support/net.ts'
import { expectNoLeaks } from '../support/no-leaks.ts'

const one = ['10.0.0.11:6443']
const expired = { notBefore: new Date(Date.now() - 7_200_000), notAfter: new Date(Date.now() - 3_600_000) }
const here = { commonName: 'etcd-server', dnsNames: ['localhost'], ipAddresses: ['127.0.0.1', '::1'] }

let etcd: EtcdCluster
let member: EtcdMember
let foreign: Authority
let good: KeyPair
beforeAll(async () => {
  etcd = await startEtcd()
  member = etcd.members[0]!
  foreign = await createAuthority('foreign-ca')
  good = await client()
  await etcd.put('key', JSON.stringify(one))
})
afterAll(() => etcd[Symbol.asyncDispose]())
expectNoLeaks()

const client = (more: object = {}, authority = etcd.authority) =>
  authority.issue({ commonName: 'etcd-client', usages: ['client'], ...more })

const write = (files: ClientTlsFiles, pair = good, ca = etcd.authority.cert) => writeClientFiles(files, pair, ca)

const call = (tls: TlsFiles, options: ResolveOptions = {}) =>
  new ObservedCall({ endpoints: etcd.endpoints, tls, key: 'key', ...options })

test.each<[title: string, message: RegExp, make: () => Promise<{ pair?: KeyPair; ca?: string; server?: KeyPair }>]>([
  [
    'a CA that has not signed the server certificate',
    /cannot be trusted \(unable to get local issuer certificate/,
    async () => ({ ca: foreign.cert }),
  ],
  [
    'a client certificate of a foreign CA',
    /refused the client certificate \(.*alert/,
    async () => ({ pair: await client({}, foreign) }),
  ],
  [
    'an expired client certificate',
    /refused the client certificate \(.*alert/,
    async () => ({ pair: await client(expired) }),
  ],
  [
    'a client certificate for servers only',
    /refused the client certificate \(.*alert/,
    async () => ({ pair: await client({ usages: ['server'] }) }),
  ],
  [
    'a server certificate for another address',
    /cannot be trusted \(.*IP: 127\.0\.0\.1 is not in the cert's list: *10\.9\.8\.7/,
    async () => ({ server: await etcd.authority.issue({ commonName: 'localhost', ipAddresses: ['10.9.8.7'] }) }),
  ],
  [
    'a server certificate with the IP address as a name',
    /cannot be trusted \(.*IP: 127\.0\.0\.1 is not in the cert's list/,
    async () => ({ server: await etcd.authority.issue({ commonName: '127.0.0.1', dnsNames: ['127.0.0.1'] }) }),
  ],
  [
    'an expired server certificate',
    /cannot be trusted \(certificate has expired/,
    async () => ({ server: await etcd.authority.issue({ ...here, ...expired }) }),
  ],
  [
    'a server certificate of a foreign CA',
    /cannot be trusted \(unable to get local issuer certificate/,
    async () => ({ server: await foreign.issue(here) }),
  ],
  [
    'a server certificate for clients only',
    /cannot be trusted \(unsuitable certificate purpose/,
    async () => ({ server: await etcd.authority.issue({ ...here, usages: ['client'] }) }),
  ],
])('resolve reports tls-rejected for %s, and returns the list when it is replaced', async (title, message, make) => {
  const { pair, ca, server } = await make()
  const files = clientFiles()
  await write(files, pair, ca)
  if (server !== undefined) await member.useCertificate(server)
  const sinceFault = stopwatch()
  const waiting = call(files)
  const phase = await waiting.until('tls-rejected')
  const reportedMs = sinceFault()
  expect(phase.message).toMatch(message)
  expect(phase.message.startsWith(`${member.endpoint}: `)).toBe(true)
  expect(phase.hint).toBe(`the CA is ${files.caFile}, the client certificate ${files.certFile}`)
  await waiting.untilRetry()
  await write(files)
  if (server !== undefined) await member.useCertificate(await etcd.authority.issue(here))
  const recovered = stopwatch()
  expect(await waiting.result).toMatchObject({ addresses: one })
  const recoverMs = recovered()
  record({ fault: title, reason: 'tls-rejected', reportedMs, recoverMs })
  expect(waiting.reasons).toEqual(['tls-rejected'])
  expect(waiting.longestPauseMs).toBeLessThanOrEqual(longestPauseMs)
})

test('resolve retries without limit while the client certificate is not valid yet', async () => {
  const notBefore = new Date(Date.now() + 3_600_000)
  const files = clientFiles()
  await write(files, await client({ notBefore }))
  const waiting = call(files)
  const phase = await waiting.until('tls-rejected')
  expect(phase.message).toMatch(/refused the client certificate \(.*alert/)
  expect(phase.hint).toMatch(/ is not valid before \S+Z: the clock of this machine may be wrong$/)
  expect(await waiting.events.until('retry')).toMatchObject({ error: { retryForMs: Infinity } })
  await write(files)
  expect(await waiting.result).toMatchObject({ addresses: one })
})

test.each(['127.0.0.1', 'localhost', '[::1]'])(
  'resolve accepts a server certificate that names its endpoint %s',
  async (host) => {
    // The container engine publishes its ports to IPv4 alone.
    await using proxy = await startProxy(member.endpoint, host === '[::1]' ? '::1' : '127.0.0.1')
    const waiting = call(etcd.tls, { endpoints: `https://${host}:${proxy.port}` })
    expect(await waiting.result).toMatchObject({ addresses: one, attempts: 1 })
  },
)

test('resolve reports tls-rejected while etcd has a certificate of a new CA and its CA file does not', async () => {
  await using proxy = await startProxy(member.endpoint)
  const files = clientFiles()
  await write(files)
  const waiting = call(files, { endpoints: proxy.endpoint, key: 'absent/2' })
  await waiting.until('not-set')
  const sinceFault = stopwatch()
  await member.useCertificate(await foreign.issue(here))
  // Open connections stay as they are: etcd itself would be restarted now.
  proxy.reset()
  await waiting.until('tls-rejected')
  const reportedMs = sinceFault()
  await writeFile(files.caFile, `${etcd.authority.cert}\n${foreign.cert}`)
  const recovered = stopwatch()
  await waiting.until('not-set')
  const recoverMs = recovered()
  record({ fault: 'CA rotated', reason: 'tls-rejected', reportedMs, recoverMs })
  await etcd.put('absent/2', JSON.stringify(one))
  expect(await waiting.result).toMatchObject({ addresses: one })
  expect(waiting.reasons.filter((reason) => reason !== 'unreachable')).toEqual(['not-set', 'tls-rejected', 'not-set'])
  expect(waiting.longestPauseMs).toBeLessThanOrEqual(longestPauseMs)
  await member.useCertificate(await etcd.authority.issue(here))
})

test.each<[title: string, tls: 'mutual' | 'none', message: RegExp]>([
  ['plain text to a TLS port', 'mutual', /closed at once: a TLS port addressed with http:\/\//],
  ['TLS to a plain-text port', 'none', /closed before TLS: a plain-text port/],
])(
  'resolve reports unreachable for %s, and reads the next endpoint in the same attempt',
  async (title, tls, message) => {
    await using plain = tls === 'none' ? await startEtcd({ tls }) : undefined
    const [right = ''] = (plain ?? etcd).endpoints
    const wrong = tls === 'none' ? right.replace('http:', 'https:') : right.replace('https:', 'http:')
    const sinceFault = stopwatch()
    const waiting = call(etcd.tls, { endpoints: wrong })
    const phase = await waiting.until('unreachable')
    record({ fault: title, reason: 'unreachable', reportedMs: sinceFault() })
    expect(phase.message).toMatch(message)
    waiting.abort()
    const second = call(etcd.tls, { endpoints: [wrong, right] })
    await (plain ?? etcd).put('key', JSON.stringify(one))
    expect(await second.result).toMatchObject({ addresses: one, attempts: 1 })
  },
)
