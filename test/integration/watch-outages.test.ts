import { expect, test } from 'vitest'
import { startEtcd } from '../support/etcd.ts'
import { startProxy } from '../support/net.ts'
import { expectNoLeaks } from '../support/no-leaks.ts'
import { watchEtcd } from '../support/observed-watch.ts'

const [a, b] = ['10.0.0.1:6443', '10.0.0.2:6443'] as const

expectNoLeaks()

test('watch keeps its list while etcd restarts, and yields what is written after that', async () => {
  await using etcd = await startEtcd()
  await etcd.putList(a)
  const watch = watchEtcd(etcd)
  await watch.start()
  const next = watch.next()
  await etcd.members[0]!.restart()
  await watch.events.until('connected')
  await etcd.putList(a, b)
  expect(await next).toMatchObject({ addresses: [a, b], added: [b], removed: [] })
  expect(watch.events.types.filter((type) => type === 'disconnected')).toHaveLength(1)
  expect(watch.events.of('changed')).toHaveLength(1)
})

test('watch removes no address while etcd is down, even after shrinkDelayMs', async () => {
  const shrinkDelayMs = 2000
  await using etcd = await startEtcd()
  await etcd.putList(a, b)
  const watch = watchEtcd(etcd, { shrinkDelayMs, retry: { initialDelayMs: 100, maxDelayMs: 100 } })
  await watch.start()
  await etcd.putList(a)
  await watch.events.until('held')
  const heldAt = performance.now()
  await etcd.members[0]!.kill()
  await watch.events.until('disconnected')
  await watch.events.until('retry', ({ attempt }) => attempt >= 4 && performance.now() > heldAt + shrinkDelayMs)
  expect(watch.events.of('changed')).toEqual([])
  await etcd.members[0]!.start()
  expect(await watch.next()).toMatchObject({ addresses: [a], removed: [b] })
})

test('watch finds by keepalive that its connection is silent, and follows the key on a new one', async () => {
  await using etcd = await startEtcd()
  await using proxy = await startProxy(etcd.endpoints[0]!)
  await etcd.putList(a)
  // No read may time out before the keepalive does.
  const watch = watchEtcd(etcd, { endpoints: proxy.endpoint, attemptTimeoutMs: 3_600_000 })
  await watch.start()
  await proxy.blackhole()
  await proxy.pass() // for new connections
  await etcd.putList(a, b)
  expect(await watch.next()).toMatchObject({ addresses: [a, b] })
  expect(watch.events.of('attempt')).toHaveLength(1)
  expect(watch.events.all[0]).toMatchObject({
    type: 'disconnected',
    error: { message: `${proxy.endpoint}: the connection to etcd was lost` },
  })
})
