import { expect, test } from 'vitest'
import { startEtcd } from '../support/etcd.ts'
import { startProxy } from '../support/net.ts'
import { expectNoLeaks } from '../support/no-leaks.ts'
import { watchEtcd } from '../support/observed-watch.ts'

const [a, b, c] = ['10.0.0.1:6443', '10.0.0.2:6443', '10.0.0.3:6443'] as const
const key = 'rke2/apiaddresses'

expectNoLeaks()

test('watch continues without an event when etcd compacts its history', async () => {
  await using etcd = await startEtcd()
  await etcd.putList(a)
  const watch = watchEtcd(etcd)
  await watch.start()
  for (let i = 0; i < 5; i++) await etcd.putList(a)
  await etcd.compact()
  await etcd.putList(a, b)
  expect(await watch.next()).toMatchObject({ addresses: [a, b] })
  expect(watch.events.types).toEqual(['changed'])
})

test('watch reads again and follows the key when etcd was compacted during an outage', async () => {
  await using etcd = await startEtcd()
  await using proxy = await startProxy(etcd.endpoints[0]!)
  await etcd.putList(a)
  const watch = watchEtcd(etcd, { endpoints: proxy.endpoint })
  await watch.start()
  await proxy.refuse()
  proxy.reset()
  await watch.events.until('disconnected')
  await etcd.putList(b)
  const revision = await etcd.putList(a, b)
  await etcd.putList(a, b)
  await etcd.compact()
  await proxy.pass()
  expect(await watch.next()).toMatchObject({ addresses: [a, b], added: [b], removed: [] })
  await watch.events.until('connected', (event) => BigInt(event.revision) > BigInt(revision))
  await etcd.putList(a, b, c)
  expect(await watch.next()).toMatchObject({ added: [c] })
})

test('watch does not take the deletion of the key for another history', async () => {
  await using etcd = await startEtcd()
  await using proxy = await startProxy(etcd.endpoints[0]!)
  await etcd.putList(a)
  const watch = watchEtcd(etcd, { endpoints: proxy.endpoint })
  await watch.start()
  await etcd.del(key)
  await watch.events.until('ignored')
  proxy.reset()
  await watch.events.until('connected')
  expect(watch.events.of('resynced')).toEqual([])
  await etcd.putList(a, b)
  expect(await watch.next()).toMatchObject({ addresses: [a, b], added: [b], removed: [] })
})

test('watch emits resynced and follows the key when etcd is restored from an older snapshot', async () => {
  await using etcd = await startEtcd()
  const old = await etcd.putList(a)
  const snapshot = await etcd.saveSnapshot()
  for (let i = 0; i < 10; i++) await etcd.put('another', 'key')
  await etcd.putList(b)
  const watch = watchEtcd(etcd, { shrinkDelayMs: 300 })
  expect(await watch.start()).toMatchObject({ addresses: [b] })
  const grown = watch.next()
  await etcd.restoreSnapshot(snapshot)
  expect(await grown).toMatchObject({ addresses: [a, b], added: [a], revision: old })
  expect(await watch.next()).toMatchObject({ addresses: [a], removed: [b], revision: old })
  expect(watch.events.of('resynced')).toHaveLength(1)
  await watch.events.until('connected')
  await etcd.putList(a, c)
  expect(await watch.next()).toMatchObject({ addresses: [a, c], added: [c] })
})
