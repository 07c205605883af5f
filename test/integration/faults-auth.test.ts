import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Reason, ResolveOptions } from '../../src/index.ts'
import { ObservedCall } from '../support/call.ts'
import { everythingEmittedBy } from '../support/emitted-text.ts'
import { startEtcd } from '../support/etcd.ts'
import type { EtcdCluster } from '../support/etcd.ts'
import { record, stopwatch } from '../support/faults.ts'
import { expectNoLeaks } from '../support/no-leaks.ts'

const one = ['10.0.0.11:6443']
const two = ['10.0.0.11:6443', '10.0.0.12:6443']
const secret = 'correct horse'

expectNoLeaks()

const jwt = 'jwt,pub-key=/etc/etcd/server.crt,priv-key=/etc/etcd/server.key,sign-method=ES256'

// Without credentials, etcd takes the common name of a client certificate as the user.
describe.each([
  ['none', 'simple', 'simple'],
  ['mutual', 'JWT', jwt],
] as const)('etcd with auth on, TLS %s, %s tokens', (tls, _kind, tokens) => {
  let etcd: EtcdCluster
  beforeAll(async () => {
    etcd = await startEtcd({ tls, config: { 'auth-token': tokens } })
    await etcd.put('key', JSON.stringify(one))
    await etcd.enableAuth()
    await etcd.request('auth/user/add', { name: 'reader', password: secret })
    await etcd.request('auth/user/add', { name: 'guest', password: secret })
    await etcd.request('auth/role/add', { name: 'reader' })
    const key = Buffer.from('key').toString('base64')
    await etcd.request('auth/role/grant', { name: 'reader', perm: { permType: 'READ', key } })
    await etcd.request('auth/user/grant', { user: 'reader', role: 'reader' })
  })
  afterAll(() => etcd[Symbol.asyncDispose]())

  const call = (credentials: ResolveOptions['credentials'], options: ResolveOptions = {}) =>
    new ObservedCall({ endpoints: etcd.endpoints, tls: etcd.tls, key: 'key', credentials, ...options })

  test('resolve returns the list to a user with permission to read the key', async () => {
    expect(await call({ username: 'reader', password: secret }).result).toMatchObject({ addresses: one, attempts: 1 })
  })

  test('resolve renews a token that etcd refuses, and goes on waiting', async () => {
    // With maxAttempts, the call reads on the schedule of the backoff, although it has a watch.
    const waiting = call({ username: 'reader', password: secret }, { expect: two, retry: { maxAttempts: 1000 } })
    await waiting.until('incomplete')
    // Even a change to the same password makes all of a user's tokens stale.
    await etcd.request('auth/user/changepw', { name: 'reader', password: secret })
    await waiting.untilRetry()
    await waiting.untilRetry()
    await etcd.put('key', JSON.stringify(two))
    expect(await waiting.result).toMatchObject({ addresses: two })
    expect(waiting.reasons).toEqual(['incomplete'])
  })

  test.each<[title: string, reason: Reason, message: string, credentials: ResolveOptions['credentials']]>([
    ['a wrong password', 'unauthenticated', 'authentication failed', { username: 'reader', password: 'wrong battery' }],
    ['an empty password', 'unauthenticated', 'authentication failed', { username: 'reader', password: '' }],
    ['an unknown user', 'unauthenticated', 'authentication failed', { username: 'stranger', password: secret }],
    ['a user without permission', 'permission-denied', 'permission denied', { username: 'guest', password: secret }],
    tls === 'none'
      ? ['a call without credentials', 'unauthenticated', 'user name is empty', undefined]
      : ['a call without credentials', 'permission-denied', 'permission denied', undefined],
  ])('resolve rejects at once when etcd refuses %s', async (title, reason, message, credentials) => {
    const sinceFault = stopwatch()
    const error = await call(credentials).error()
    record({ fault: `auth on, TLS ${tls}: ${title}`, reason, reportedMs: sinceFault() })
    expect(error).toMatchObject({ code: 'REJECTED', reason, attempts: 1 })
    expect(error.message).toContain(`${etcd.endpoints[0]}: `)
    expect(error.message).toContain(`(etcdserver: ${message}`)
    for (const text of [error.message, error.stack, String(error.cause), JSON.stringify(error)]) {
      expect(text).not.toMatch(/horse|battery/)
    }
  })
})

test('resolve and watch reveal neither password nor private key, whether etcd accepts or refuses the password', async () => {
  await using etcd = await startEtcd({ tls: 'mutual', config: { 'auth-token': jwt } })
  await etcd.put('key', JSON.stringify(one))
  await etcd.enableAuth(secret)
  await etcd.request('auth/user/add', { name: 'guest', password: secret })
  const key = readFileSync(etcd.tls.keyFile, 'utf8').split('\n')[1]!.slice(0, 30)
  for (const [username, password] of [
    ['root', secret],
    ['root', 'wrong battery'],
    ['guest', secret],
    ['stranger', secret],
  ] as const) {
    const emitted = await everythingEmittedBy({
      endpoints: etcd.endpoints,
      tls: etcd.tls,
      key: 'key',
      credentials: { username, password },
    })
    expect(emitted).toContain(username === 'root' && password !== 'wrong battery' ? one[0] : 'REJECTED')
    // Every JWT begins with eyJ.
    for (const part of [password, key, 'eyJ']) expect(emitted).not.toContain(part)
  }
})

test('resolve uses its credentials as soon as auth is switched on', async () => {
  await using etcd = await startEtcd({ tls: 'none' })
  await etcd.put('key', JSON.stringify(one))
  const credentials = { username: 'root', password: secret }
  // With maxAttempts, the call reads on the schedule of the backoff, although it has a watch.
  const retry = { maxAttempts: 1000 }
  const waiting = new ObservedCall({ endpoints: etcd.endpoints, key: 'key', credentials, expect: two, retry })
  await waiting.until('incomplete')
  await etcd.enableAuth(secret)
  await waiting.untilRetry()
  await waiting.untilRetry()
  await etcd.put('key', JSON.stringify(two))
  expect(await waiting.result).toMatchObject({ addresses: two })
  expect(waiting.reasons).toEqual(['incomplete'])
})

test('resolve ignores its credentials while auth is off', async () => {
  await using etcd = await startEtcd({ tls: 'none' })
  await etcd.put('key', JSON.stringify(one))
  const call = new ObservedCall({
    endpoints: etcd.endpoints,
    key: 'key',
    credentials: { username: 'a', password: 'b' },
  })
  expect(await call.result).toMatchObject({ addresses: one, attempts: 1 })
})
