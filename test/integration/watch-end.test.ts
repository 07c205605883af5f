import { afterAll, beforeAll, expect, test } from 'vitest'
import type { WatchOptions } from '../../src/index.ts'
import { startEtcd } from '../support/etcd.ts'
import type { EtcdCluster } from '../support/etcd.ts'
import { checkLeaks } from '../support/leaks.ts'
import { startProxy } from '../support/net.ts'
import type { Proxy } from '../support/net.ts'
import { ObservedWatch } from '../support/observed-watch.ts'

const [a, b] = ['10.0.0.1:6443', '10.0.0.2:6443'] as const
const hourMs = 3_600_000

let etcd: EtcdCluster
beforeAll(async () => {
  etcd = await startEtcd()
})
afterAll(() => etcd[Symbol.asyncDispose]())

let keys = 0
/** Returns a watch of a new key. Each of its waits takes an hour, so that only its end can end one during a test. */
function watchNewKey(more: WatchOptions = {}) {
  const key = `watch-end/${++keys}`
  const { tls, endpoints } = etcd
  const watch = new ObservedWatch({
    tls,
    endpoints,
    key,
    attemptTimeoutMs: hourMs,
    shrinkDelayMs: hourMs,
    retry: { initialDelayMs: hourMs, maxDelayMs: hourMs },
    ...more,
  })
  const put = (...addresses: string[]) => etcd.put(key, `${JSON.stringify(addresses)}\n`)
  return { watch, events: watch.events, put }
}

/** Returns a watch whose first attempt has failed. */
async function waitForRetry(options: WatchOptions): Promise<ObservedWatch> {
  const { watch, events } = watchNewKey(options)
  watch.startNext()
  await events.until('retry')
  return watch
}

interface Phase {
  /** Whether the watch has yielded a list by then. */
  readonly hasList: boolean
  /** Returns a watch in this phase, with a pending `next()`. */
  readonly enter: (proxy: Proxy, options: WatchOptions) => Promise<ObservedWatch>
}

const phases: Record<string, Phase> = {
  'while it waits for the certificate files': {
    hasList: false,
    async enter(_proxy, options) {
      return waitForRetry({ ...options, tls: undefined, dataDir: '/nowhere' })
    },
  },
  'while etcd cannot be reached': {
    hasList: false,
    async enter(proxy, options) {
      await proxy.refuse()
      return waitForRetry(options)
    },
  },
  'while etcd does not answer': {
    hasList: false,
    async enter(proxy, options) {
      await proxy.blackhole()
      const { watch } = watchNewKey(options)
      watch.startNext()
      await expect.poll(() => proxy.open).toBe(1)
      return watch
    },
  },
  'while the key is not set': {
    hasList: false,
    async enter(_proxy, options) {
      return waitForRetry(options)
    },
  },
  'while it follows the key': {
    hasList: true,
    async enter(_proxy, options) {
      const { watch, put } = watchNewKey(options)
      await put(a)
      await watch.start()
      watch.startNext()
      return watch
    },
  },
  'while it delays a removal': {
    hasList: true,
    async enter(_proxy, options) {
      const { watch, events, put } = watchNewKey(options)
      await put(a, b)
      await watch.start()
      watch.startNext()
      await put(a)
      await events.until('held')
      return watch
    },
  },
  'while its connection is silent': {
    hasList: true,
    async enter(proxy, options) {
      const { watch, put } = watchNewKey(options)
      await put(a)
      await watch.start()
      watch.startNext()
      await proxy.blackhole()
      return watch
    },
  },
  'while it reconnects': {
    hasList: true,
    async enter(proxy, options) {
      const { watch, events, put } = watchNewKey({ ...options, retry: { initialDelayMs: 1, maxDelayMs: 1 } })
      await put(a)
      await watch.start()
      watch.startNext()
      await proxy.blackhole()
      proxy.reset()
      await events.until('attempt')
      return watch
    },
  },
}

const reason = new Error('enough')
const ends: Record<string, (watch: ObservedWatch, controller: AbortController) => unknown> = {
  'close()': ({ watch }) => watch.close(),
  'the end of an await using block': async ({ watch }) => {
    await using scoped = watch
    void scoped
  },
  'an abort': (_watch, controller) => controller.abort(reason),
}

const cases = Object.keys(phases).flatMap((phase) => Object.keys(ends).map((end) => [end, phase] as const))

test.each(cases)('%s ends a watch and its pending next() %s, and leaves nothing behind', async (end, phase) => {
  const { hasList, enter } = phases[phase]!
  await using proxy = await startProxy(etcd.endpoints[0]!)
  const controller = new AbortController()
  using leaks = checkLeaks(controller.signal)
  const watch = await enter(proxy, { endpoints: proxy.endpoint, signal: controller.signal })
  const { types } = watch.events
  const ended = ends[end]!(watch, controller)
  const outcome = await watch.pendingNext
  await ended
  expect(outcome).toEqual(end === 'an abort' ? { error: reason } : { done: true, value: undefined })
  await watch.events.until('closed')
  // Nothing else has ended the wait.
  const last = end === 'an abort' ? ['aborted', 'closed'] : hasList ? ['closed'] : ['failed', 'closed']
  expect(watch.events.types).toEqual([...types, ...last])
  expect(await watch.watch.next()).toEqual({ done: true, value: undefined })
  await leaks.expectNone()
  await expect.poll(() => proxy.open).toBe(0)
})

test('break in a for await loop ends a watch and leaves nothing behind', async () => {
  using leaks = checkLeaks()
  const { watch, put } = watchNewKey()
  await put(a)
  for await (const { addresses } of watch.watch) {
    expect(addresses).toEqual([a])
    break
  }
  await leaks.expectNone()
})
