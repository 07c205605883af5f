import { expect, test } from 'vitest'
import type { WatchOptions } from '../../src/index.ts'
import { startEtcd } from '../support/etcd.ts'
import type { EtcdCluster } from '../support/etcd.ts'
import { startProxy } from '../support/net.ts'
import { expectNoLeaks } from '../support/no-leaks.ts'
import { ObservedWatch } from '../support/observed-watch.ts'

const [a, b, c] = ['10.0.0.1:6443', '10.0.0.2:6443', '10.0.0.3:6443'] as const
const key = 'rke2/apiaddresses'

expectNoLeaks()

/** Returns a watch of this etcd, with the certificate files of its data directory. */
const watchKey = ({ dataDir, endpoints }: EtcdCluster, more: WatchOptions = {}) =>
  new ObservedWatch({ dataDir, endpoints, ...more })

const put = (etcd: EtcdCluster, ...addresses: string[]) => etcd.put(key, `${JSON.stringify(addresses)}\n`)

test('watch continues without an event when etcd compacts its history', async () => {
  await using etcd = await startEtcd()
  await put(etcd, a)
  const watch = watchKey(etcd)
  await watch.start()
  for (let i = 0; i < 5; i++) await put(etcd, a)
  await etcd.compact()
  await put(etcd, a, b)
  expect(await watch.next()).toMatchObject({ addresses: [a, b] })
  expect(watch.events.types).toEqual(['changed'])
})

test('watch reads again and follows the key when etcd was compacted during an outage', async () => {
  await using etcd = await startEtcd()
  await using proxy = await startProxy(etcd.endpoints[0]!)
  await put(etcd, a)
  const watch = watchKey(etcd, { endpoints: proxy.endpoint })
  await watch.start()
  await proxy.refuse()
  proxy.reset()
  await watch.events.until('disconnected')
  await put(etcd, b)
  const revision = await put(etcd, a, b)
  await put(etcd, a, b)
  await etcd.compact()
  await proxy.pass()
  expect(await watch.next()).toMatchObject({ addresses: [a, b], added: [b], removed: [] })
  await watch.events.until('connected', (event) => BigInt(event.revision) > BigInt(revision))
  await put(etcd, a, b, c)
  expect(await watch.next()).toMatchObject({ added: [c] })
})

test('watch does not take the deletion of the key for another history', async () => {
  await using etcd = await startEtcd()
  await using proxy = await startProxy(etcd.endpoints[0]!)
  await put(etcd, a)
  const watch = watchKey(etcd, { endpoints: proxy.endpoint })
  await watch.start()
  await etcd.del(key)
  await watch.events.until('ignored')
  proxy.reset()
  await watch.events.until('connected')
  expect(watch.events.of('resynced')).toEqual([])
  await put(etcd, a, b)
  expect(await watch.next()).toMatchObject({ addresses: [a, b], added: [b], removed: [] })
})

test('watch keeps its list while etcd restarts, and yields what is written after that', async () => {
  await using etcd = await startEtcd()
  await put(etcd, a)
  const watch = watchKey(etcd)
  await watch.start()
  const next = watch.next()
  await etcd.members[0]!.restart()
  await watch.events.until('connected')
  await put(etcd, a, b)
  expect(await next).toMatchObject({ addresses: [a, b], added: [b], removed: [] })
  expect(watch.events.types.filter((type) => type === 'disconnected')).toHaveLength(1)
  expect(watch.events.of('changed')).toHaveLength(1)
})

test('watch removes no address while etcd is down, even after shrinkDelayMs', async () => {
  const shrinkDelayMs = 2000
  await using etcd = await startEtcd()
  await put(etcd, a, b)
  const watch = watchKey(etcd, { shrinkDelayMs, retry: { initialDelayMs: 100, maxDelayMs: 100 } })
  await watch.start()
  await put(etcd, a)
  await watch.events.until('held')
  const heldAt = performance.now()
  await etcd.members[0]!.kill()
  await watch.events.until('disconnected')
  await watch.events.until('retry', ({ attempt }) => attempt >= 4 && performance.now() > heldAt + shrinkDelayMs)
  expect(watch.events.of('changed')).toEqual([])
  await etcd.members[0]!.start()
  expect(await watch.next()).toMatchObject({ addresses: [a], removed: [b] })
})

test('watch emits resynced and follows the key when etcd is restored from an older snapshot', async () => {
  await using etcd = await startEtcd()
  const old = await put(etcd, a)
  const snapshot = await etcd.saveSnapshot()
  for (let i = 0; i < 10; i++) await etcd.put('another', 'key')
  await put(etcd, b)
  const watch = watchKey(etcd, { shrinkDelayMs: 300 })
  expect(await watch.start()).toMatchObject({ addresses: [b] })
  const grown = watch.next()
  await etcd.restoreSnapshot(snapshot)
  expect(await grown).toMatchObject({ addresses: [a, b], added: [a], revision: old })
  expect(await watch.next()).toMatchObject({ addresses: [a], removed: [b], revision: old })
  expect(watch.events.of('resynced')).toHaveLength(1)
  await watch.events.until('connected')
  await put(etcd, a, c)
  expect(await watch.next()).toMatchObject({ addresses: [a, c], added: [c] })
})

test('watch finds by keepalive that its connection is silent, and follows the key on a new one', async () => {
  await using etcd = await startEtcd()
  await using proxy = await startProxy(etcd.endpoints[0]!)
  await put(etcd, a)
  // No read may time out before the keepalive does.
  const watch = watchKey(etcd, { endpoints: proxy.endpoint, attemptTimeoutMs: 3_600_000 })
  await watch.start()
  await proxy.blackhole()
  await proxy.pass() // for new connections
  await put(etcd, a, b)
  expect(await watch.next()).toMatchObject({ addresses: [a, b] })
  expect(watch.events.of('attempt')).toHaveLength(1)
  expect(watch.events.all[0]).toMatchObject({
    type: 'disconnected',
    error: { message: `${proxy.endpoint}: the connection to etcd was lost` },
  })
})
