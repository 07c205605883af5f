import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ResolveOptions } from '../../src/index.ts'
import { ObservedCall } from '../support/call.ts'
import { startEtcd } from '../support/etcd.ts'
import type { EtcdCluster } from '../support/etcd.ts'
import { longestPauseMs, record, stopwatch } from '../support/faults.ts'
import { checkLeaks } from '../support/leaks.ts'
import { dropPackets, startProxy, unusedPort } from '../support/net.ts'
import { expectNoLeaks } from '../support/no-leaks.ts'

const one = ['10.0.0.11:6443']
const attemptTimeoutMs = 1000

let etcd: EtcdCluster
beforeAll(async () => {
  etcd = await startEtcd()
  await etcd.put('key', JSON.stringify(one))
})
afterAll(() => etcd[Symbol.asyncDispose]())
expectNoLeaks()

const call = (endpoints: string | string[], options: ResolveOptions = {}) =>
  new ObservedCall({ endpoints, tls: etcd.tls, key: 'key', attemptTimeoutMs, ...options })

test('resolve reports timeout for an endpoint that accepts connections and never answers, and then uses a new connection', async () => {
  await using proxy = await startProxy(etcd.endpoints[0]!)
  await proxy.blackhole()
  const sinceFault = stopwatch()
  const waiting = call(proxy.endpoint)
  const phase = await waiting.until('timeout')
  const reportedMs = sinceFault()
  expect(phase.message).toContain(`${proxy.endpoint}: TCP connected, but nothing answers`)
  await waiting.untilRetry()
  await proxy.pass()
  const recovered = stopwatch()
  expect(await waiting.result).toMatchObject({ addresses: one })
  const recoverMs = recovered()
  record({ fault: 'accepts and never answers, attempts of 1 s', reason: 'timeout', reportedMs, recoverMs })
  expect(waiting.reasons).toEqual(['timeout'])
  expect(waiting.longestPauseMs).toBeLessThanOrEqual(longestPauseMs)
})

test('resolve closes the connection of each failed attempt to an endpoint that never answers', async () => {
  await using proxy = await startProxy(etcd.endpoints[0]!)
  await proxy.blackhole()
  const failing = call(proxy.endpoint, {
    attemptTimeoutMs: 400,
    retry: { maxAttempts: 15, initialDelayMs: 1, maxDelayMs: 1 },
  })
  let most = 0
  failing.events.emitter.on('attempt', () => (most = Math.max(most, proxy.open)))
  failing.events.emitter.on('retry', () => (most = Math.max(most, proxy.open)))
  expect(await failing.error()).toMatchObject({ code: 'ATTEMPTS_EXHAUSTED', reason: 'timeout', attempts: 15 })
  // On a busy machine, an attempt may be over before it has connected.
  expect(proxy.connections).toBeGreaterThan(1)
  expect(proxy.connections).toBeLessThanOrEqual(15)
  expect(most).toBeGreaterThan(0)
  expect(most).toBeLessThanOrEqual(2)
  await expect.poll(() => proxy.open).toBe(0)
})

test('resolve reports timeout when its connection is silently dropped between two reads, and reads again', async () => {
  await using proxy = await startProxy(etcd.endpoints[0]!)
  // With maxAttempts, the call reads on the schedule of the backoff, although it has a watch.
  const waiting = call(proxy.endpoint, { key: 'absent/1', retry: { maxAttempts: 1000 } })
  await waiting.until('not-set')
  await proxy.blackhole()
  const sinceFault = stopwatch()
  const phase = await waiting.until('timeout')
  const reportedMs = sinceFault()
  expect(phase.message).toContain(`${proxy.endpoint}: etcd took the request and does not answer`)
  await proxy.pass()
  const recovered = stopwatch()
  await waiting.until('not-set')
  const recoverMs = recovered()
  record({ fault: 'flow dropped silently between reads, attempts of 1 s', reason: 'timeout', reportedMs, recoverMs })
  waiting.abort()
  expect(waiting.longestPauseMs).toBeLessThanOrEqual(longestPauseMs)
})

test('resolve notices by keepalive that the connection of its watch is silently dropped, and reads again', async () => {
  await using proxy = await startProxy(etcd.endpoints[0]!)
  const waiting = call(proxy.endpoint, { key: 'absent/2' })
  await waiting.until('not-set')
  await waiting.untilRetry()
  await proxy.blackhole()
  const sinceFault = stopwatch()
  await proxy.pass()
  await etcd.put('absent/2', JSON.stringify(one))
  expect(await waiting.result).toMatchObject({ addresses: one })
  record({ fault: 'flow dropped silently under a watch', reason: waiting.reasons[1], recoverMs: sinceFault() })
  expect(waiting.longestPauseMs).toBeLessThanOrEqual(longestPauseMs)
})

test('resolve reads again over a new connection when that of its watch is reset', async () => {
  await using proxy = await startProxy(etcd.endpoints[0]!)
  const waiting = call(proxy.endpoint, { key: 'absent/3' })
  await waiting.until('not-set')
  await waiting.untilRetry()
  proxy.reset()
  await etcd.put('absent/3', JSON.stringify(one))
  const recovered = stopwatch()
  expect(await waiting.result).toMatchObject({ addresses: one })
  record({ fault: 'connection reset under a watch', reason: waiting.reasons[1], recoverMs: recovered() })
  expect(waiting.longestPauseMs).toBeLessThanOrEqual(longestPauseMs)
})

test('resolve reads the second endpoint when the first is frozen, and keeps no connection to the first', async () => {
  await using proxy = await startProxy(etcd.endpoints[0]!)
  await proxy.blackhole()
  // Longer than this test: the answer can only come from the next endpoint.
  const waiting = call([proxy.endpoint, ...etcd.endpoints], { key: 'absent/4', attemptTimeoutMs: 600_000 })
  await waiting.until('not-set')
  await expect.poll(() => proxy.open).toBe(0)
  await etcd.put('absent/4', JSON.stringify(one))
  expect(await waiting.result).toMatchObject({ addresses: one, attempts: 1 })
  expect(proxy.connections).toBe(1)
})

test('resolve leaves no socket when it ends while packets are dropped', async () => {
  const port = await unusedPort()
  await using _ = await dropPackets(port)
  using leaks = checkLeaks()
  const failing = call(`https://127.0.0.1:${port}`, { attemptTimeoutMs: 400, retry: { maxAttempts: 3 } })
  expect(await failing.error()).toMatchObject({ code: 'ATTEMPTS_EXHAUSTED', reason: 'unreachable' })
  await leaks.expectNone()
})

test('resolve reports unreachable while the packets to an endpoint are dropped', async () => {
  await using proxy = await startProxy(etcd.endpoints[0]!)
  await proxy.refuse()
  const dropping = await dropPackets(proxy.port)
  const sinceFault = stopwatch()
  const waiting = call(proxy.endpoint)
  const phase = await waiting.until('unreachable')
  const reportedMs = sinceFault()
  expect(phase.message).toContain(`${proxy.endpoint}: no connection yet; packets may be dropped on the way`)
  while (waiting.attempts < 3) await waiting.untilRetry()
  await dropping[Symbol.asyncDispose]()
  await proxy.pass()
  const recovered = stopwatch()
  expect(await waiting.result).toMatchObject({ addresses: one })
  const recoverMs = recovered()
  record({ fault: 'SYN dropped, attempts of 1 s', reason: 'unreachable', reportedMs, recoverMs })
  expect(waiting.reasons).toEqual(['unreachable'])
  expect(waiting.longestPauseMs).toBeLessThanOrEqual(longestPauseMs)
})
