import { expect, test } from 'vitest'
import { startEtcd } from '../support/etcd.ts'
import { expectNoLeaks } from '../support/no-leaks.ts'
import { watchEtcd } from '../support/observed-watch.ts'

const [a, b, c] = ['10.0.0.1:6443', '10.0.0.2:6443', '10.0.0.3:6443'] as const

expectNoLeaks()

test('watch of three members follows another member when the leader that it follows is killed', async () => {
  await using etcd = await startEtcd({ members: 3 })
  const first = etcd.members[0]!
  await etcd.moveLeader(first)
  await etcd.putList(a)
  const watch = watchEtcd(etcd)
  await watch.start()
  await first.kill()
  await etcd.putList(a, b)
  expect(await watch.next()).toMatchObject({ addresses: [a, b] })
  await watch.events.until('connected')
  await etcd.putList(a, b, c)
  expect(await watch.next()).toMatchObject({ added: [c] })
})

test('watch of three members follows another member when a partition leaves its own without a leader', async () => {
  await using etcd = await startEtcd({ members: 3 })
  const first = etcd.members[0]!
  await etcd.putList(a)
  const watch = watchEtcd(etcd)
  await watch.start()
  await first.partition()
  const { error } = await watch.events.until('disconnected')
  expect(error).toMatchObject({ reason: 'no-leader' })
  await watch.events.until('connected')
  await etcd.putList(a, b)
  expect(await watch.next()).toMatchObject({ addresses: [a, b] })
})

test('watch of one member keeps its list during a partition, and yields the new list after it', async () => {
  await using etcd = await startEtcd({ members: 3 })
  const first = etcd.members[0]!
  await etcd.putList(a, b)
  const watch = watchEtcd(etcd, { endpoints: first.endpoint, shrinkDelayMs: 0 })
  await watch.start()
  const next = watch.next()
  await first.partition()
  await watch.events.until('disconnected')
  await etcd.putList(b)
  await etcd.putList(b, c)
  await watch.events.until('retry', ({ attempt }) => attempt >= 4)
  expect(watch.events.of('changed')).toEqual([])
  await first.heal()
  expect(await next).toMatchObject({ addresses: [b, c], added: [c], removed: [a] })
})
