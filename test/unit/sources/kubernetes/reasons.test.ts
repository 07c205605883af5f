import { rm, writeFile } from 'node:fs/promises'
import { createServer as createTlsServer } from 'node:tls'
import { expect, test } from 'vitest'
import type { Reason } from '../../../../src/index.ts'
import { kubeProxyFiles } from '../../../../src/rke2.ts'
import { ObservedCall } from '../../../support/call.ts'
import { statusBody } from '../../../support/kubernetes/fake-apiserver.ts'
import type { FakeApiserver, Fault } from '../../../support/kubernetes/fake-apiserver.ts'
import { createClusterAuthorities, writeNodeFiles } from '../../../support/kubernetes/node-files.ts'
import { clusterAuthorities, startNode } from '../../../support/kubernetes/start.ts'
import { expectNoLeaks } from '../../../support/no-leaks.ts'
import { serve } from '../../../support/serve.ts'

expectNoLeaks()

const retry = { initialDelayMs: 1, maxDelayMs: 10 }

const starting = statusBody(503, 'starting')
const notReady = statusBody(503, 'apiserver not ready')
const forbidden = statusBody(403, 'endpointslices.discovery.k8s.io is forbidden: User "system:kube-proxy" cannot list')
const tooMany = statusBody(429, 'too many requests')

test.each<[title: string, reason: Reason, message: RegExp, fault: Fault]>([
  ['503 starting', 'unavailable', /HTTP status 503: starting/, { status: 503, body: starting, goaway: true }],
  ['503 apiserver not ready', 'unavailable', /not ready/, { status: 503, body: notReady, goaway: true }],
  ['503 without a body', 'unavailable', /HTTP status 503\)/, { status: 503 }],
  ['429', 'unavailable', /HTTP status 429/, { status: 429, body: tooMany }],
  [
    '401',
    'unauthenticated',
    /refused the credentials.*Unauthorized/,
    { status: 401, body: statusBody(401, 'Unauthorized') },
  ],
  ['403', 'permission-denied', /does not let this user read.*is forbidden/, { status: 403, body: forbidden }],
])('resolve waits for an apiserver that answers %s, and says so', async (_title, reason, message, fault) => {
  const { apiserver, options } = await startNode()
  apiserver.store.set('10.0.0.1')
  apiserver.fault = fault
  const call = new ObservedCall({ ...options, retry })
  expect((await call.until(reason)).message).toMatch(message)
  await call.untilRetry()
  apiserver.fault = undefined
  expect(await call.result).toMatchObject({ addresses: ['10.0.0.1:6443'] })
})

test.each<[title: string, reason: Reason, fault: Fault]>([
  ['404', 'rejected', { status: 404, body: '404 page not found\n' }],
  ['400', 'rejected', { status: 400, body: statusBody(400, 'bad') }],
  ['a redirect', 'rejected', { status: 302, headers: { location: 'https://10.0.0.9/' } }],
  ['no JSON', 'rejected', { status: 200, body: '<html>' }],
  ['JSON that is cut short', 'rejected', { status: 200, body: '{"kind":"EndpointSliceList","metadata":' }],
  [
    'another kind',
    'rejected',
    { status: 200, body: '{"kind":"PodList","metadata":{"resourceVersion":"1"},"items":[]}' },
  ],
  [
    'a list without a version',
    'rejected',
    { status: 200, body: '{"kind":"EndpointSliceList","metadata":{},"items":[]}' },
  ],
  ['more than 8 MiB', 'invalid-value', { status: 200, body: Buffer.alloc(9 << 20, 32) }],
])('resolve fails at once when the apiserver answers %s', async (_title, reason, fault) => {
  const { apiserver, options } = await startNode()
  apiserver.fault = fault
  expect(await new ObservedCall(options).error()).toMatchObject({ code: 'REJECTED', reason, attempts: 1 })
})

test('resolve fails at once when an EndpointSlice has an address that is none', async () => {
  const { apiserver, options } = await startNode()
  apiserver.store.setSlice('kubernetes', { addresses: ['10.0.0.1 '] })
  const error = await new ObservedCall(options).error()
  expect(error).toMatchObject({ code: 'REJECTED', reason: 'invalid-value' })
  expect(error.message).toMatch(/^default\/kubernetes: failed after .*entry 0 is not host:port/)
})

test.each([
  ['there is no EndpointSlice', () => {}, 'has no EndpointSlice yet'],
  [
    'no endpoint is ready',
    ({ store }: FakeApiserver) => store.setSlice('kubernetes', { addresses: ['10.0.0.1'], ready: false }),
    'has no endpoint that is ready',
  ],
])('resolve waits with not-set while %s', async (_title, prepare, message) => {
  const { apiserver, options } = await startNode()
  prepare(apiserver)
  const call = new ObservedCall(options)
  expect(await call.until('not-set')).toMatchObject({ message: expect.stringContaining(message), source: 'kubernetes' })
  await expect.poll(() => apiserver.watches).toBe(1)
  apiserver.store.set('10.0.0.1')
  expect(await call.result).toMatchObject({ addresses: ['10.0.0.1:6443'] })
})

test('resolve waits for an apiserver that is not running', async () => {
  const { apiserver, options } = await startNode()
  apiserver.store.set('10.0.0.1')
  await apiserver.kill()
  const call = new ObservedCall({ ...options, retry })
  const { message } = await call.until('unreachable')
  expect(message).toMatch(/the apiserver cannot be reached \(connect ECONNREFUSED/)
  await apiserver.start()
  expect(await call.result).toMatchObject({ addresses: ['10.0.0.1:6443'] })
})

test('resolve waits for an apiserver that accepts connections and answers nothing', async () => {
  const { apiserver, options } = await startNode()
  apiserver.store.set('10.0.0.1')
  await apiserver.freeze()
  const call = new ObservedCall({ ...options, attemptTimeoutMs: 300, retry })
  expect((await call.until('timeout')).message).toMatch(/the apiserver (may be starting|took the request)/)
  await apiserver.thaw()
  expect(await call.result).toMatchObject({ addresses: ['10.0.0.1:6443'] })
})

test('resolve waits while the files of an agent appear one by one', async () => {
  const { apiserver, options } = await startNode()
  apiserver.store.set('10.0.0.1')
  const { caFile, certFile, keyFile } = kubeProxyFiles(options.dataDir)
  await Promise.all([caFile, certFile, keyFile].map((file) => rm(file)))
  const call = new ObservedCall({ ...options, retry })
  const phase = await call.until('tls-files-missing')
  expect(phase.message).toContain(caFile)
  expect(phase.hint).toMatch(/^on its first boot, an agent has its certificates only when an apiserver works/)
  const authorities = await clusterAuthorities()
  await writeFile(caFile, '')
  await call.untilRetry()
  await writeFile(caFile, authorities.server.cert)
  await call.untilRetry()
  await writeNodeFiles(options.dataDir, authorities)
  expect(await call.result).toMatchObject({ addresses: ['10.0.0.1:6443'] })
})

test('resolve names the files when the apiserver has a certificate of another CA', async () => {
  const { options } = await startNode()
  const { caFile } = kubeProxyFiles(options.dataDir)
  await writeFile(caFile, (await createClusterAuthorities()).server.cert)
  const call = new ObservedCall({ ...options, retry })
  const phase = await call.until('tls-rejected')
  expect(phase.message).toMatch(/the certificate of the apiserver cannot be trusted/)
  expect(phase.hint).toContain(`the CA is ${caFile}`)
  expect(phase.hint).toContain('after "certificate rotate-ca", an agent has the new CA when it was restarted')
  await writeFile(caFile, (await clusterAuthorities()).server.cert)
  expect(await call.until('not-set')).toBeDefined()
})

test('resolve says that the client certificate has expired when the apiserver answers 401', async () => {
  const { options } = await startNode()
  const authorities = await clusterAuthorities()
  const hour = 3_600_000
  const expired = await authorities.client.issue({
    commonName: 'system:kube-proxy',
    notBefore: new Date(Date.now() - 2 * hour),
    notAfter: new Date(Date.now() - hour),
  })
  await writeNodeFiles(options.dataDir, authorities, expired)
  const call = new ObservedCall({ ...options, retry })
  const { hint } = await call.until('unauthenticated')
  const { certFile } = kubeProxyFiles(options.dataDir)
  expect(hint).toMatch(new RegExp(`^the client certificate ${certFile} has expired on .*; restart the agent$`))
})

test('resolve fails at once at a TLS server that does not speak HTTP/2', async () => {
  const { options } = await startNode()
  const { server } = await clusterAuthorities()
  const pair = await server.issue({ commonName: 'other', ipAddresses: ['127.0.0.1'] })
  const port = await serve(createTlsServer({ ...pair, ALPNProtocols: ['http/1.1'] }))
  const error = await new ObservedCall({ ...options, endpoints: `https://127.0.0.1:${port}` }).error()
  expect(error).toMatchObject({ code: 'REJECTED', reason: 'rejected' })
  expect(error.message).toMatch(/this is not (an|the) apiserver: it does not speak HTTP\/2/)
})
