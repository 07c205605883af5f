import { afterAll, beforeAll, expect, test } from 'vitest'
import type { WatchOptions } from '../../src/index.ts'
import { startEtcd } from '../support/etcd.ts'
import type { EtcdCluster } from '../support/etcd.ts'
import { memoryInUse } from '../support/heap.ts'
import { ObservedWatch } from '../support/observed-watch.ts'

const [a, b, c, d] = ['10.0.0.1:6443', '10.0.0.2:6443', '10.0.0.3:6443', '[fd00::4]:6443'] as const
const list = (...addresses: string[]) => `${JSON.stringify(addresses)}\n`

let etcd: EtcdCluster
beforeAll(async () => {
  // Large enough for values that grpc-js does not accept.
  etcd = await startEtcd({ config: { 'max-request-bytes': 8 << 20 } })
})
afterAll(() => etcd[Symbol.asyncDispose]())

let keys = 0
/** Returns a watch of a new key. */
function watchNewKey(more: WatchOptions = {}) {
  const key = `watch/${++keys}`
  const { tls, endpoints } = etcd
  const watch = new ObservedWatch({ tls, endpoints, key, ...more })
  return { key, watch, events: watch.events, put: (...addresses: string[]) => etcd.put(key, list(...addresses)) }
}

test('watch yields no change when the same list is written again, in another order or with duplicates', async () => {
  const { watch, events, put } = watchNewKey()
  const revision = await put(a, b)
  expect(await watch.start()).toMatchObject({ addresses: [a, b], revision, added: [a, b], removed: [] })
  await put(a, b)
  await put(b, a)
  await put(b, a, b)
  await put(a, b, c)
  expect(await watch.next()).toMatchObject({ addresses: [a, b, c], added: [c], removed: [] })
  expect(events.types).toEqual(['changed'])
})

test('watch adds an address once that a joining server adds, removes and adds again', async () => {
  const { watch, events, put } = watchNewKey({ shrinkDelayMs: 2000 })
  await put(a, c)
  await watch.start()
  await put(a, b, c)
  expect(await watch.next()).toMatchObject({ added: [b] })
  await put(a, c)
  await events.until('held')
  await put(a, b, c)
  // When c is removed, the time at which the removal of b was due has passed.
  await put(a, b)
  expect(await watch.next()).toMatchObject({ addresses: [a, b], added: [], removed: [c] })
  expect(events.all).toMatchObject([
    { type: 'changed', added: [b], removed: [] },
    { type: 'held', missing: [b] },
    { type: 'held', missing: [c] },
    { type: 'attempt' },
    { type: 'changed', added: [], removed: [c] },
  ])
})

test('watch adds a new address at once while it delays the removal of another', async () => {
  const { watch, events, put } = watchNewKey({ shrinkDelayMs: 300 })
  await put(a, b)
  await watch.start()
  const grown = watch.next()
  await put(a, c)
  expect(await grown).toMatchObject({ addresses: [a, b, c], added: [c], removed: [] })
  const shrunk = await watch.next()
  expect(shrunk).toMatchObject({ addresses: [a, c], added: [], removed: [b] })
  expect(events.types).toEqual(['changed', 'held', 'attempt', 'changed'])
})

test('watch removes an address that has been missing for shrinkDelayMs, which is 3 s by default', async () => {
  const { watch, events, put } = watchNewKey()
  await put(a, b)
  await watch.start()
  const writtenAt = performance.now()
  await put(a)
  const { untilMs } = await events.until('held')
  expect(untilMs).toBe(3000)
  expect(await watch.next()).toMatchObject({ removed: [b] })
  expect(performance.now() - writtenAt).toBeGreaterThanOrEqual(3000)
})

test.each([
  ['an empty value, as after a cluster reset', '', 'not-set'],
  ['white space', ' \n', 'not-set'],
  ['null', 'null\n', 'not-set'],
  ['an empty list', '[]\n', 'not-set'],
  ['a value that is not JSON', 'apiservers', 'invalid-value'],
  ['a truncated list', '["10.0.0.1:6443",', 'invalid-value'],
  ['a list of hosts without ports', '["10.0.0.1"]', 'invalid-value'],
  ['bytes that are not text', Uint8Array.of(0xff, 0xfe), 'invalid-value'],
  ['a value larger than a gRPC message', 'x'.repeat(5 << 20), 'invalid-value'],
])('watch ignores %s and keeps the last list', async (_, value, reason) => {
  const { key, watch, events, put } = watchNewKey()
  await put(a, b)
  await watch.start()
  await etcd.put(key, value)
  await events.until('ignored')
  await put(a, b, c)
  expect(await watch.next()).toMatchObject({ addresses: [a, b, c], added: [c], removed: [] })
  expect(events.of('ignored')).toMatchObject([{ reason }])
  expect(events.of('changed')).toHaveLength(1)
})

test('watch ignores the deletion of the key and keeps the last list', async () => {
  const { key, watch, events, put } = watchNewKey()
  await put(a)
  await watch.start()
  const revision = await etcd.del(key)
  await events.until('ignored')
  await put(a, d)
  expect(await watch.next()).toMatchObject({ addresses: [a, d], added: [d] })
  expect(events.of('ignored')).toEqual([{ type: 'ignored', reason: 'not-set', revision }])
})

test('watch yields a list that an empty value replaces at once', async () => {
  const { key, watch, events, put } = watchNewKey()
  await put(a)
  await watch.start()
  await put(a, b)
  await etcd.put(key, '')
  expect((await watch.next()).added).toEqual([b])
  await events.until('ignored')
})

test('watch with a slow reader yields the latest list after thousands of writes, in constant memory', async () => {
  const used = () => {
    const { heapUsed, arrayBuffers } = memoryInUse()
    return heapUsed + arrayBuffers
  }
  const { watch, events, put } = watchNewKey({ shrinkDelayMs: 0 })
  await put(a)
  await watch.start()
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
  // All these lists together have more than 50 MB. A few MB may be garbage that is not collected yet.
  expect(used() - before).toBeLessThan(25 << 20)
  expect(await watch.next()).toMatchObject({ addresses: [b], added: [b], removed: [a] })
})
