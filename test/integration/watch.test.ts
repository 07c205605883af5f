import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { WatchOptions } from '../../src/index.ts'
import { startEtcd } from '../support/etcd.ts'
import type { EtcdCluster } from '../support/etcd.ts'
import { memoryInUse } from '../support/heap.ts'
import { checkLeaks } from '../support/leaks.ts'
import { startProxy } from '../support/net.ts'
import type { Proxy } from '../support/net.ts'
import { ObservedWatch } from '../support/observed-watch.ts'

const [a, b, c, d] = ['10.0.0.1:6443', '10.0.0.2:6443', '10.0.0.3:6443', '[fd00::4]:6443'] as const
const list = (...addresses: string[]) => `${JSON.stringify(addresses)}\n`

let etcd: EtcdCluster
beforeAll(async () => {
  // Values larger than grpc-js takes.
  etcd = await startEtcd({ config: { 'max-request-bytes': 8 << 20 } })
})
afterAll(() => etcd[Symbol.asyncDispose]())

let keys = 0
/** A watch of a key of the test's own. */
function follow(more: WatchOptions = {}) {
  const key = `watch/${++keys}`
  const { tls, endpoints } = etcd
  const followed = new ObservedWatch({ tls, endpoints, key, ...more })
  return { key, followed, events: followed.events, put: (...addresses: string[]) => etcd.put(key, list(...addresses)) }
}

describe("what RKE2's writer does", () => {
  test('the same again, in another order or twice, is no change', async () => {
    const { followed, events, put } = follow()
    const revision = await put(a, b)
    expect(await followed.begin()).toMatchObject({ addresses: [a, b], revision, added: [a, b], removed: [] })
    await put(a, b)
    await put(b, a)
    await put(b, a, b)
    await put(a, b, c)
    expect(await followed.next()).toMatchObject({ addresses: [a, b, c], added: [c], removed: [] })
    expect(events.types).toEqual(['changed'])
  })

  test('an address that a joining server adds, removes and adds again is added once', async () => {
    const { followed, events, put } = follow({ shrinkDelayMs: 400 })
    await put(a, c)
    await followed.begin()
    await put(a, b, c)
    expect(await followed.next()).toMatchObject({ added: [b] })
    await put(a, c)
    await events.until('held')
    await put(a, b, c)
    // When this one goes, the time of the other has passed long since.
    await put(a, b)
    expect(await followed.next()).toMatchObject({ addresses: [a, b], added: [], removed: [c] })
    expect(events.all).toMatchObject([
      { type: 'changed', added: [b], removed: [] },
      { type: 'held', missing: [b] },
      { type: 'held', missing: [c] },
      { type: 'attempt' },
      { type: 'changed', added: [], removed: [c] },
    ])
  })

  test('a server that is added counts at once, while one that left is held', async () => {
    const { followed, events, put } = follow({ shrinkDelayMs: 300 })
    await put(a, b)
    await followed.begin()
    await put(a, c)
    expect(await followed.next()).toMatchObject({ addresses: [a, b, c], added: [c], removed: [] })
    const shrunk = await followed.next()
    expect(shrunk).toMatchObject({ addresses: [a, c], added: [], removed: [b] })
    expect(events.types).toEqual(['changed', 'held', 'attempt', 'changed'])
  })

  test('a server that left is removed when it has been gone for shrinkDelayMs, 3 s if not said otherwise', async () => {
    const { followed, events, put } = follow()
    await put(a, b)
    await followed.begin()
    await put(a)
    const { untilMs } = await events.until('held')
    expect(untilMs).toBe(3000)
    const heldAt = performance.now()
    expect(await followed.next()).toMatchObject({ removed: [b] })
    expect(performance.now() - heldAt).toBeGreaterThan(2950)
  })

  test.each([
    ['an empty value, as a cluster reset', '', 'not-set'],
    ['white space', ' \n', 'not-set'],
    ['null', 'null\n', 'not-set'],
    ['an empty list', '[]\n', 'not-set'],
    ['no JSON', 'apiservers', 'invalid-value'],
    ['half a list', '["10.0.0.1:6443",', 'invalid-value'],
    ['a list of something else', '["10.0.0.1"]', 'invalid-value'],
    ['bytes that are no text', Uint8Array.of(0xff, 0xfe), 'invalid-value'],
    ['more than a message may hold', 'x'.repeat(5 << 20), 'invalid-value'],
  ])('%s is ignored, and the last list stays', async (_, value, reason) => {
    const { key, followed, events, put } = follow()
    await put(a, b)
    await followed.begin()
    await etcd.put(key, value)
    await events.until('ignored')
    await put(a, b, c)
    expect(await followed.next()).toMatchObject({ addresses: [a, b, c], added: [c], removed: [] })
    expect(events.of('ignored')).toMatchObject([{ reason }])
    expect(events.of('changed')).toHaveLength(1)
  })

  test('a key that is deleted is ignored, and the last list stays', async () => {
    const { key, followed, events, put } = follow()
    await put(a)
    await followed.begin()
    const revision = await etcd.del(key)
    await events.until('ignored')
    await put(a, d)
    expect(await followed.next()).toMatchObject({ addresses: [a, d], added: [d] })
    expect(events.of('ignored')).toEqual([{ type: 'ignored', reason: 'not-set', revision }])
  })

  test('a list that is blanked at once counts', async () => {
    const { key, followed, events, put } = follow()
    await put(a)
    await followed.begin()
    await put(a, b)
    await etcd.put(key, '')
    expect((await followed.next()).added).toEqual([b])
    await events.until('ignored')
  })
})

test('a slow reader has the latest list after thousands of writes, and memory does not grow with them', async () => {
  const used = () => {
    const { heapUsed, arrayBuffers } = memoryInUse()
    return heapUsed + arrayBuffers
  }
  const { followed, events, put } = follow({ shrinkDelayMs: 0 })
  await put(a)
  await followed.begin()
  const addresses = (n: number) => Array.from({ length: 200 }, (_, i) => `10.1.${n % 250}.${i}:6443`)
  const write = async (from: number, to: number) => {
    for (let n = from; n < to; n += 50) {
      await Promise.all(Array.from({ length: 50 }, (_, i) => put(...addresses(n + i))))
      events.clear()
    }
  }
  await write(0, 500)
  const before = used()
  await write(500, 2500)
  const revision = await put(b)
  await events.until('changed', (change) => change.revision === revision)
  events.clear()
  // These lists, kept, would be 50 MB and more. What the garbage collector has not freed yet is a few MB.
  expect(used() - before).toBeLessThan(25 << 20)
  expect(await followed.next()).toMatchObject({ addresses: [b], added: [b], removed: [a] })
})

const through = (proxy: Proxy, more: WatchOptions) => follow({ endpoints: proxy.endpoint, ...more })

/** Where a watch can be when it is ended, and how it gets there. */
const phases: Record<string, (proxy: Proxy, more: WatchOptions) => Promise<ObservedWatch>> = {
  'while it waits for the certificate files': async (proxy, more) => {
    const { followed, events } = through(proxy, { tls: undefined, dataDir: '/nowhere', ...more })
    followed.startNext()
    await events.until('retry')
    return followed
  },
  'while etcd cannot be reached': async (proxy, more) => {
    await proxy.refuse()
    const { followed, events } = through(proxy, more)
    followed.startNext()
    await events.until('retry')
    return followed
  },
  'while etcd says nothing': async (proxy, more) => {
    await proxy.blackhole()
    const { followed } = through(proxy, more)
    followed.startNext()
    await expect.poll(() => proxy.open).toBe(1)
    return followed
  },
  'while the key is not set': async (proxy, more) => {
    const { followed, events } = through(proxy, more)
    followed.startNext()
    await events.until('retry')
    return followed
  },
  'while it follows the key': async (proxy, more) => {
    const { followed, put } = through(proxy, more)
    await put(a)
    await followed.begin()
    followed.startNext()
    return followed
  },
  'while an address is held': async (proxy, more) => {
    const { followed, events, put } = through(proxy, more)
    await put(a, b)
    await followed.begin()
    followed.startNext()
    await put(a)
    await events.until('held')
    return followed
  },
  'while nothing comes through any more': async (proxy, more) => {
    const { followed, put } = through(proxy, more)
    await put(a)
    await followed.begin()
    followed.startNext()
    await proxy.blackhole()
    return followed
  },
  'while it reconnects': async (proxy, more) => {
    const { followed, events, put } = through(proxy, more)
    await put(a)
    await followed.begin()
    followed.startNext()
    await proxy.blackhole()
    proxy.reset()
    await events.until('attempt')
    return followed
  },
}

describe.each(Object.entries(phases))('%s', (_, bring) => {
  const reason = new Error('enough')
  const ends: Record<string, (followed: ObservedWatch, controller: AbortController) => unknown> = {
    'close()': ({ watch }) => watch.close(),
    'the end of an await using scope': async ({ watch }) => {
      await using scoped = watch
      void scoped
    },
    'an abort': (_followed, controller) => controller.abort(reason),
  }

  test.each(Object.entries(ends))('%s ends next() at once, and nothing is left', async (name, end) => {
    await using proxy = await startProxy(etcd.endpoints[0] as string)
    const controller = new AbortController()
    using leaks = checkLeaks(controller.signal)
    const followed = await bring(proxy, { signal: controller.signal })
    const ended = end(followed, controller)
    const outcome = await followed.pendingNext
    await ended
    expect(outcome).toEqual(name === 'an abort' ? { error: reason } : { done: true, value: undefined })
    await followed.events.until('closed')
    expect(await followed.watch.next()).toEqual({ done: true, value: undefined })
    await leaks.expectNone(500)
    await expect.poll(() => proxy.open).toBe(0)
  })
})

test('break ends it, and nothing is left', async () => {
  using leaks = checkLeaks()
  const { followed, put } = follow()
  await put(a)
  for await (const { addresses } of followed.watch) {
    expect(addresses).toEqual([a])
    break
  }
  await leaks.expectNone(500)
})
