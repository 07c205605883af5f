import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { parseOptions } from '../../src/call/config.ts'
import { resolveApiserverAddresses } from '../../src/index.ts'
import type { ResolveOptions } from '../../src/index.ts'
import { resolve } from '../../src/resolve.ts'
import { EtcdSource } from '../../src/sources/etcd/etcd-source.ts'
import type { Snapshot, SourceWatch } from '../../src/sources/source.ts'
import { systemClock } from '../../src/util/clock.ts'
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
/** A key of the test's own, and the options to read it with; what the call leaves behind fails the test. */
function arrange(more: ResolveOptions = {}) {
  const key = `wake/${++keys}`
  const events = new Recorder()
  const { tls, endpoints } = etcd
  expectNothingLeft(events.emitter)
  const controller = new AbortController()
  onTestFinished(() => controller.abort())
  const options: ResolveOptions = { tls, endpoints, key, events: events.emitter, signal: controller.signal, ...more }
  return { key, events, options, put: (...addresses: string[]) => etcd.put(key, list(...addresses)) }
}

/** The source, with a moment of the test's own in the middle. */
class Interrupted extends EtcdSource {
  afterRead: (() => Promise<unknown>) | undefined
  beforeWatch: (() => Promise<unknown>) | undefined

  override async read(signal: AbortSignal): Promise<Snapshot> {
    const reading = await super.read(signal)
    await this.afterRead?.()
    return reading
  }

  override async watch(after: bigint, signal: AbortSignal): Promise<SourceWatch> {
    await this.beforeWatch?.()
    return super.watch(after, signal)
  }
}

describe('a write ends the wait by itself', () => {
  test('while the key is not set: without another read', async () => {
    const { events, options, put } = arrange()
    const call = resolveApiserverAddresses(options)
    await events.until('retry')
    const revision = await put(a)
    expect(await call).toMatchObject({ addresses: [a], attempts: 1, revision })
    expect(events.types).toEqual(['attempt', 'phase', 'retry', 'wake', 'resolved'])
    expect(events.of('wake')).toEqual([{ type: 'wake', cause: 'key-changed' }])
  })

  test('while the list is incomplete, as often as it is written', async () => {
    const { events, options, put } = arrange({ minAddresses: 2, expect: ['10.0.0.2'] })
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

  test('while it waits for the key that was deleted', async () => {
    const { key, events, options, put } = arrange({ minAddresses: 2 })
    await put(a)
    const call = resolveApiserverAddresses(options)
    await events.until('phase', ({ reason }) => reason === 'incomplete')
    await events.until('retry')
    await etcd.del(key)
    await events.until('phase', ({ reason }) => reason === 'not-set')
    await put(a, b)
    expect(await call).toMatchObject({ addresses: [a, b], attempts: 1 })
  })

  test('while the list settles: the time begins anew', async () => {
    const { events, options, put } = arrange({ settleMs: 300 })
    await put(a)
    const call = resolveApiserverAddresses(options)
    await events.until('retry')
    await put(a, b)
    const { addresses } = await call
    expect(addresses).toEqual([a, b])
    expect(events.of('retry').map(({ delayMs }) => delayMs > 250)).toEqual([true, true])
  })

  test('also where attempts are counted, which are made as the backoff has it', async () => {
    const retry = { jitter: 'none', initialDelayMs: 5, maxDelayMs: 60_000, factor: 12, maxAttempts: 5 } as const
    const { events, options, put } = arrange({ retry })
    const call = resolveApiserverAddresses(options)
    await events.until('retry', ({ delayMs }) => delayMs > 5000)
    expect(events.of('retry').map(({ delayMs }) => delayMs)).toEqual([5, 60, 720, 8640])
    await put(a)
    expect(await call).toMatchObject({ addresses: [a], attempts: 4 })
    expect(events.types.slice(-2)).toEqual(['wake', 'resolved'])
  })

  test('for 200 calls that share one signal, without a warning', async () => {
    const warnings: Error[] = []
    const keep = (warning: Error) => void warnings.push(warning)
    process.on('warning', keep)
    onTestFinished(() => void process.off('warning', keep))
    const { key, put } = arrange()
    const { signal } = new AbortController()
    const waiting = Array.from({ length: 200 }, () => {
      const events = new Recorder()
      const { tls, endpoints } = etcd
      const call = resolveApiserverAddresses({ tls, endpoints, key, signal, events: events.emitter })
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
})

describe('no write is lost', () => {
  test('while a read is under way that has not seen it', async () => {
    const { events, options, put } = arrange()
    const config = parseOptions(options, 'resolve')
    const source = new Interrupted(config, systemClock)
    source.afterRead = () => put(a)
    expect(await resolve(config, systemClock, source)).toMatchObject({ addresses: [a], attempts: 1 })
    expect(events.types).toEqual(['attempt', 'phase', 'retry', 'wake', 'resolved'])
  })

  test('when etcd compacts it before the watch begins: read again', async () => {
    const { options, put } = arrange()
    const config = parseOptions(options, 'resolve')
    const source = new Interrupted(config, systemClock)
    source.beforeWatch = async () => {
      await put(a)
      await etcd.put('another', 'key')
      await etcd.compact()
    }
    expect(await resolve(config, systemClock, source)).toMatchObject({ addresses: [a], attempts: 2 })
  })

  test('when the connection is cut: read again, and watched again', async () => {
    await using proxy = await startProxy(etcd.endpoints[0] as string)
    const { events, options, put } = arrange({ endpoints: proxy.endpoint })
    const call = resolveApiserverAddresses(options)
    await events.until('retry')
    proxy.reset()
    await events.until('retry', ({ attempt, delayMs }) => attempt >= 2 && delayMs >= 60_000)
    events.clear()
    await put(a)
    expect(await call).toMatchObject({ addresses: [a] })
    expect(events.types).toEqual(['wake', 'resolved'])
  })

  test('when the connection is cut and the write comes while there is none', async () => {
    await using proxy = await startProxy(etcd.endpoints[0] as string)
    const { events, options, put } = arrange({ endpoints: proxy.endpoint })
    const call = resolveApiserverAddresses(options)
    await events.until('retry')
    await proxy.refuse()
    proxy.reset()
    await events.until('phase', ({ reason }) => reason === 'unreachable')
    await put(a)
    await proxy.pass()
    expect(await call).toMatchObject({ addresses: [a] })
  })

  test('at a learner, which opens no watch and answers no read: there when it is promoted', async () => {
    await using cluster = await startEtcd()
    const learner = await cluster.addLearner()
    const { events, options } = arrange({ endpoints: learner.endpoint, tls: cluster.tls })
    const call = resolveApiserverAddresses(options)
    await events.until('phase', ({ reason }) => reason === 'learner')
    await cluster.put(options.key as string, list(a))
    await cluster.promote(learner)
    expect(await call).toMatchObject({ addresses: [a] })
  })
})
