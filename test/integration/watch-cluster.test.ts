import { expect, test } from 'vitest'
import type { WatchOptions } from '../../src/index.ts'
import { startEtcd } from '../support/etcd.ts'
import type { EtcdCluster } from '../support/etcd.ts'
import { expectNoLeaks } from '../support/no-leaks.ts'
import { ObservedWatch } from '../support/observed-watch.ts'

const [a, b, c] = ['10.0.0.1:6443', '10.0.0.2:6443', '10.0.0.3:6443'] as const

expectNoLeaks()

/** Returns a watch of this etcd, with the certificate files of its data directory. */
const watchKey = ({ dataDir, endpoints }: EtcdCluster, more: WatchOptions = {}) =>
  new ObservedWatch({ dataDir, endpoints, ...more })

const put = (etcd: EtcdCluster, ...addresses: string[]) =>
  etcd.put('rke2/apiaddresses', `${JSON.stringify(addresses)}\n`)

test('watch of three members follows another member when the leader that it follows is killed', async () => {
  await using etcd = await startEtcd({ members: 3 })
  const first = etcd.members[0]!
  await etcd.moveLeader(first)
  await put(etcd, a)
  const watch = watchKey(etcd)
  await watch.start()
  await first.kill()
  await put(etcd, a, b)
  expect(await watch.next()).toMatchObject({ addresses: [a, b] })
  await watch.events.until('connected')
  await put(etcd, a, b, c)
  expect(await watch.next()).toMatchObject({ added: [c] })
})

test('watch of three members follows another member when a partition leaves its own without a leader', async () => {
  await using etcd = await startEtcd({ members: 3 })
  const first = etcd.members[0]!
  await put(etcd, a)
  const watch = watchKey(etcd)
  await watch.start()
  await first.partition()
  const { error } = await watch.events.until('disconnected')
  expect(error).toMatchObject({ reason: 'no-leader' })
  await watch.events.until('connected')
  await put(etcd, a, b)
  expect(await watch.next()).toMatchObject({ addresses: [a, b] })
})

test('watch of one member keeps its list during a partition, and yields the new list after it', async () => {
  await using etcd = await startEtcd({ members: 3 })
  const first = etcd.members[0]!
  await put(etcd, a, b)
  const watch = watchKey(etcd, { endpoints: first.endpoint, shrinkDelayMs: 0 })
  await watch.start()
  const next = watch.next()
  await first.partition()
  await watch.events.until('disconnected')
  await put(etcd, b)
  await put(etcd, b, c)
  await watch.events.until('retry', ({ attempt }) => attempt >= 4)
  expect(watch.events.of('changed')).toEqual([])
  await first.heal()
  expect(await next).toMatchObject({ addresses: [b, c], added: [c], removed: [a] })
})
