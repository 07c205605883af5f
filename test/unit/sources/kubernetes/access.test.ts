import { rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { kubeProxyFiles } from '../../../../src/rke2.ts'
import { ObservedCall } from '../../../support/call.ts'
import { createAuthority } from '../../../support/certificates.ts'
import { statusBody } from '../../../support/kubernetes/fake-apiserver.ts'
import { VirtualWatch } from '../../../support/kubernetes/follow.ts'
import { issueKubeProxy, write, writeNodeFiles } from '../../../support/kubernetes/node-files.ts'
import { clusterAuthorities, startNode } from '../../../support/kubernetes/start.ts'
import { expectNoLeaks } from '../../../support/no-leaks.ts'
import { ObservedWatch } from '../../../support/observed-watch.ts'
import { serve } from '../../../support/serve.ts'

expectNoLeaks()

const [a, b] = ['10.0.0.1', '10.0.0.2'] as const
const retry = { initialDelayMs: 1, maxDelayMs: 10 }

/** Starts an apiserver that accepts a token, and writes it to the token file of a client without a certificate. */
async function startWithToken(token = 'first') {
  const node = await startNode({ tokens: [token] })
  node.apiserver.store.set(a)
  const { dataDir } = node.options
  const tokenFile = join(dataDir, 'token')
  await write(tokenFile, `${token}\n`)
  const { certFile, keyFile } = kubeProxyFiles(dataDir)
  await Promise.all([rm(certFile), rm(keyFile)])
  return { ...node, tokenFile, options: { ...node.options, tokenFile, retry } }
}

test('resolve reads the list with a token and the CA alone', async () => {
  const { options } = await startWithToken()
  const call = new ObservedCall(options)
  expect(await call.result).toMatchObject({ addresses: [`${a}:6443`], source: 'kubernetes' })
  expect(call.events.types).toEqual(['attempt', 'resolved'])
})

test('watch uses a new token for its next request, over the same connection', async () => {
  const { apiserver, options, tokenFile } = await startWithToken()
  const watch = new ObservedWatch(options)
  await watch.start()
  await expect.poll(() => apiserver.watches).toBe(1)
  apiserver.tokens.delete('first')
  apiserver.tokens.add('second')
  await write(tokenFile, 'second')
  apiserver.endWatches()
  await expect.poll(() => apiserver.requests).toEqual(['list', 'watch 101', 'watch 101'])
  apiserver.store.set(a, b)
  expect(await watch.next()).toMatchObject({ added: [`${b}:6443`] })
  expect(watch.events.types).toEqual(['changed'])
  expect(apiserver.connections).toBe(1)
})

test.each([
  ['missing', undefined, 'tls-files-missing', /the token file .*token does not exist yet/],
  ['empty', '', 'tls-files-missing', /the token file .*token is still empty/],
  ['blank', ' \n', 'tls-files-missing', /the token file .*token is still empty/],
  [
    'of control characters',
    'se\u0007cret',
    'tls-files-unreadable',
    /the token file .*token has characters that no token has$/,
  ],
  ['of two lines', 'se\ncret', 'tls-files-unreadable', /characters that no token has$/],
  ['larger than 1 MiB', 'x'.repeat(2 << 20), 'tls-files-unreadable', /2097152 bytes, more than 1048576/],
] as const)(
  'resolve waits for a token file that is %s, and never shows its text',
  async (_title, text, reason, message) => {
    const { options, tokenFile } = await startWithToken()
    if (text === undefined) await rm(tokenFile)
    else await write(tokenFile, text)
    const call = new ObservedCall(options)
    const phase = await call.until(reason)
    expect(phase.message).toMatch(message)
    expect(JSON.stringify(call.events.all)).not.toContain('cret')
    // A text that is no token is final after 2 s, in which a busy machine may do nothing.
    if (reason === 'tls-files-unreadable') return
    await write(tokenFile, 'first')
    expect(await call.result).toMatchObject({ addresses: [`${a}:6443`] })
  },
)

test.each([
  ['a token that it does not know', 'wrong'],
  ['no token and no certificate', undefined],
])('resolve waits with unauthenticated when the apiserver gets %s', async (_title, token) => {
  const { options, tokenFile } = await startWithToken()
  await write(tokenFile, token ?? 'x')
  const { tokenFile: _file, ...withoutToken } = options
  const tls = { caFile: kubeProxyFiles(options.dataDir).caFile }
  const call = new ObservedCall(token === undefined ? { ...withoutToken, tls } : options)
  const phase = await call.until('unauthenticated')
  expect(phase.message).toMatch(/refused the credentials \(HTTP status 401: Unauthorized\)$/)
  expect(phase.message).not.toContain(String(token))
})

test.each([
  [401, 'unauthenticated', 'Unauthorized'],
  [403, 'permission-denied', 'endpointslices.discovery.k8s.io is forbidden'],
] as const)(
  'resolve fails when the apiserver has answered %i for 60 s, and not before',
  async (status, reason, text) => {
    const { apiserver, options } = await startNode()
    apiserver.fault = { status, body: statusBody(status, text) }
    const watch = new VirtualWatch({ ...options, attemptTimeoutMs: 3_600_000 })
    const result = watch.watch.next().catch((error: unknown) => error)
    await watch.passPauses()
    expect(await result).toMatchObject({ code: 'REJECTED', reason })
    expect(watch.clock.now()).toBeGreaterThanOrEqual(60_000)
    expect(watch.clock.now()).toBeLessThan(75_000)
  },
)

test('resolve starts the 60 s of a 403 again after the apiserver was not ready', async () => {
  const { apiserver, options } = await startNode()
  const watch = new VirtualWatch({ ...options, attemptTimeoutMs: 3_600_000 })
  const result = watch.watch.next()
  for (let round = 0; round < 3; round++) {
    apiserver.fault = { status: 403, body: statusBody(403, 'forbidden') }
    await watch.advance(50_000)
    apiserver.fault = { status: 503, body: statusBody(503, 'apiserver not ready') }
    await watch.advance(20_000)
  }
  apiserver.fault = undefined
  apiserver.store.set(a)
  await watch.advanceUntil('resolved')
  expect((await result).value).toMatchObject({ addresses: [`${a}:6443`] })
})

test('resolve uses a client certificate that was renewed while the apiserver answers 401', async () => {
  const { apiserver, options } = await startNode()
  apiserver.store.set(a)
  const authorities = await clusterAuthorities()
  await writeNodeFiles(
    options.dataDir,
    authorities,
    await issueKubeProxy({ ...authorities, client: await createAuthority('other') }),
  )
  const call = new ObservedCall({ ...options, retry })
  await call.until('unauthenticated')
  await writeNodeFiles(options.dataDir, authorities)
  expect(await call.result).toMatchObject({ addresses: [`${a}:6443`] })
})

test('resolve waits with unavailable for a server that has no certificate yet, which sends the alert unrecognized_name', async () => {
  const { apiserver, options } = await startNode()
  const alert = Buffer.from('15030300020270', 'hex')
  const port = await serve(createServer((socket) => socket.once('data', () => socket.end(alert))))
  const call = new ObservedCall({ ...options, endpoints: `https://127.0.0.1:${port}`, retry })
  expect((await call.until('unavailable')).message).toMatch(/the apiserver has no certificate yet/)
  expect(apiserver.connections).toBe(0)
})
