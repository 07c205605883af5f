import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { parseOptions } from '../../src/call/config.ts'
import { resolveApiserverAddresses } from '../../src/index.ts'
import type { ResolveOptions } from '../../src/index.ts'
import { resolve } from '../../src/resolve.ts'
import { EtcdSource } from '../../src/sources/etcd/etcd-source.ts'
import type { Snapshot, SourceWatch } from '../../src/sources/source.ts'
import { systemClock } from '../../src/util/clock.ts'
import { etcdOptions } from '../support/etcd-source.ts'
import { startEtcd } from '../support/etcd.ts'
import type { EtcdCluster } from '../support/etcd.ts'
import { startProxy } from '../support/net.ts'
import { expectNothingLeft } from '../support/no-leaks.ts'
import { Recorder } from '../support/recorder.ts'

const [a, b] = ['10.0.0.1:6443', '10.0.0.2:6443'] as const
const list = (...addresses: string[]) => `${JSON.stringify(addresses)}\n`

let etcd: EtcdCluster
beforeAll(async () => {
  etcd = await startEtcd()
})
afterAll(() => etcd[Symbol.asyncDispose]())

let keys = 0
/** Returns a new key with the options to read it. The test fails if the call leaves something behind. */
function newKey(more: ResolveOptions = {}) {
  const key = `wake/${++keys}`
  const events = new Recorder()
  const { tls, endpoints } = etcd
  expectNothingLeft(events.emitter)
  const controller = new AbortController()
  onTestFinished(() => controller.abort())
  const options: ResolveOptions = { tls, endpoints, key, events: events.emitter, signal: controller.signal, ...more }
  return { key, events, options, put: (...addresses: string[]) => etcd.put(key, list(...addresses)) }
}

/** A source that runs code of the test after each read and before each watch. */
class InterruptedSource extends EtcdSource {
  afterRead: (() => Promise<unknown>) | undefined
  beforeWatch: (() => Promise<unknown>) | undefined

  override async read(signal: AbortSignal): Promise<Snapshot> {
    const snapshot = await super.read(signal)
    await this.afterRead?.()
    return snapshot
  }

  override async watch(afterRevision: bigint, signal: AbortSignal): Promise<SourceWatch> {
    await this.beforeWatch?.()
    return super.watch(afterRevision, signal)
  }
}

test('a write ends the wait for a key that is not set, without another read', async () => {
  const { events, options, put } = newKey()
  const call = resolveApiserverAddresses(options)
  await events.until('retry')
  const revision = await put(a)
  expect(await call).toMatchObject({ addresses: [a], attempts: 1, revision })
  expect(events.types).toEqual(['attempt', 'phase', 'retry', 'wake', 'resolved'])
  expect(events.of('wake')).toEqual([{ type: 'wake', cause: 'key-changed' }])
})

test('each write of an incomplete list ends the wait, without another read', async () => {
  const { events, options, put } = newKey({ minAddresses: 2, expect: ['10.0.0.2'] })
  await put(a)
  const call = resolveApiserverAddresses(options)
  for (let retries = 1; retries < 4; retries++) {
    await events.until('retry', () => events.of('retry').length === retries)
    await put(a)
  }
  await put(a, b)
  expect(await call).toMatchObject({ addresses: [a, b], attempts: 1 })
  expect(events.of('attempt')).toHaveLength(1)
})

test('a write ends the wait for a key that was deleted, without another read', async () => {
  const { key, events, options, put } = newKey({ minAddresses: 2 })
  await put(a)
  const call = resolveApiserverAddresses(options)
  await events.until('phase', ({ reason }) => reason === 'incomplete')
  await events.until('retry')
  await etcd.del(key)
  await events.until('phase', ({ reason }) => reason === 'not-set')
  await put(a, b)
  expect(await call).toMatchObject({ addresses: [a, b], attempts: 1 })
})

test('a write of another list while the list settles starts settleMs again', async () => {
  const settleMs = 2000
  const { events, options, put } = newKey({ settleMs })
  await put(a)
  const call = resolveApiserverAddresses(options)
  await events.until('retry')
  const writtenAt = performance.now()
  await put(a, b)
  const { addresses } = await call
  expect(addresses).toEqual([a, b])
  // What is left of settleMs, after watching has begun.
  const delays = events.of('retry').map(({ delayMs }) => delayMs)
  expect(delays.map((delayMs) => delayMs > 0 && delayMs <= settleMs)).toEqual([true, true])
  expect(performance.now() - writtenAt).toBeGreaterThanOrEqual(settleMs)
})

test('with maxAttempts, reads follow the backoff, and a write ends the wait', async () => {
  const retry = { jitter: 'none', initialDelayMs: 1, maxDelayMs: 3_600_000, factor: 1000, maxAttempts: 4 } as const
  const { events, options, put } = newKey({ retry, timeoutMs: Infinity })
  const call = resolveApiserverAddresses(options)
  await events.until('retry', ({ delayMs }) => delayMs > 1000)
  expect(events.of('retry').map(({ delayMs }) => delayMs)).toEqual([1, 1000, 1_000_000])
  await put(a)
  expect(await call).toMatchObject({ addresses: [a], attempts: 3 })
  expect(events.types.slice(-2)).toEqual(['wake', 'resolved'])
})

test('a write ends the waits of 200 calls that share one signal, without a warning', async () => {
  const warnings: Error[] = []
  const onWarning = (warning: Error) => void warnings.push(warning)
  process.on('warning', onWarning)
  onTestFinished(() => void process.off('warning', onWarning))
  const { key, put } = newKey()
  const { signal } = new AbortController()
  const waiting = Array.from({ length: 200 }, () => {
    const events = new Recorder()
    const { tls, endpoints } = etcd
    // On a busy machine, 200 handshakes at once take longer than an attempt.
    const options = { tls, endpoints, key, signal, attemptTimeoutMs: 60_000 }
    const call = resolveApiserverAddresses({ ...options, events: events.emitter })
    return { call, retried: events.until('retry') }
  })
  await Promise.all(waiting.map(({ retried }) => retried))
  await put(a)
  const results = await Promise.all(waiting.map(({ call }) => call))
  expect(new Set(results.map(({ addresses, attempts }) => `${addresses.join()} ${attempts}`))).toEqual(
    new Set([`${a} 1`]),
  )
  expect(warnings).toEqual([])
})

test('a write after the read and before the watch is not lost', async () => {
  const { events, options, put } = newKey()
  const config = parseOptions(options, 'resolve')
  const source = new InterruptedSource(etcdOptions(options), systemClock)
  source.afterRead = () => put(a)
  expect(await resolve(config, systemClock, source)).toMatchObject({ addresses: [a], attempts: 1 })
  expect(events.types).toEqual(['attempt', 'phase', 'retry', 'wake', 'resolved'])
})

test('a write that etcd compacts before the watch is found by another read', async () => {
  const { options, put } = newKey()
  const config = parseOptions(options, 'resolve')
  const source = new InterruptedSource(etcdOptions(options), systemClock)
  source.beforeWatch = async () => {
    await put(a)
    await etcd.put('another', 'key')
    await etcd.compact()
  }
  expect(await resolve(config, systemClock, source)).toMatchObject({ addresses: [a], attempts: 2 })
})

test('after a connection reset, the key is read and watched again', async () => {
  await using proxy = await startProxy(etcd.endpoints[0]!)
  const { events, options, put } = newKey({ endpoints: proxy.endpoint })
  const call = resolveApiserverAddresses(options)
  await events.until('retry')
  proxy.reset()
  await events.until('retry', ({ attempt, watching }) => attempt >= 2 && watching)
  events.clear()
  await put(a)
  expect(await call).toMatchObject({ addresses: [a] })
  expect(events.types).toEqual(['wake', 'resolved'])
})

test('a write while etcd cannot be reached is found by the first read after that', async () => {
  await using proxy = await startProxy(etcd.endpoints[0]!)
  const { events, options, put } = newKey({ endpoints: proxy.endpoint })
  const call = resolveApiserverAddresses(options)
  await events.until('retry')
  await proxy.refuse()
  proxy.reset()
  await events.until('phase', ({ reason }) => reason === 'unreachable')
  await put(a)
  await proxy.pass()
  expect(await call).toMatchObject({ addresses: [a] })
})

test('a call that reads a learner resolves when the learner is promoted', async () => {
  await using cluster = await startEtcd()
  const learner = await cluster.addLearner()
  const { key, events, options } = newKey({ endpoints: learner.endpoint, tls: cluster.tls })
  const call = resolveApiserverAddresses(options)
  await events.until('phase', ({ reason }) => reason === 'learner')
  await cluster.put(key, list(a))
  await cluster.promote(learner)
  expect(await call).toMatchObject({ addresses: [a] })
})
