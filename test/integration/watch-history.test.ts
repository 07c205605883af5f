import { describe, expect, onTestFinished, test } from 'vitest'
import type { WatchOptions } from '../../src/index.ts'
import { readCertificates } from '../../src/sources/etcd/certificates.ts'
import { connect } from '../../src/sources/etcd/etcd-connection.ts'
import { connectionDefaults, endpointOf } from '../support/endpoint.ts'
import { startEtcd } from '../support/etcd.ts'
import type { EtcdCluster, EtcdMember } from '../support/etcd.ts'
import { startProxy } from '../support/net.ts'
import { expectNoLeaks } from '../support/no-leaks.ts'
import { ObservedWatch } from '../support/observed-watch.ts'

const [a, b, c] = ['10.0.0.1:6443', '10.0.0.2:6443', '10.0.0.3:6443'] as const
const key = 'rke2/apiaddresses'

expectNoLeaks()

/** A watch of this etcd, which keeps its certificate files where RKE2 does. */
const follow = ({ dataDir, endpoints }: EtcdCluster, more: WatchOptions = {}) =>
  new ObservedWatch({ dataDir, endpoints, ...more })

const put = (etcd: EtcdCluster, ...addresses: string[]) => etcd.put(key, `${JSON.stringify(addresses)}\n`)

describe('one member', () => {
  test('compacts its history while it is followed: nothing happens', async () => {
    await using etcd = await startEtcd()
    await put(etcd, a)
    const followed = follow(etcd)
    await followed.begin()
    for (let i = 0; i < 5; i++) await put(etcd, a)
    await etcd.compact()
    await put(etcd, a, b)
    expect(await followed.next()).toMatchObject({ addresses: [a, b] })
    expect(followed.events.types).toEqual(['changed'])
  })

  test('compacts its history while it cannot be reached: read again, and followed from there', async () => {
    await using etcd = await startEtcd()
    await using proxy = await startProxy(etcd.endpoints[0] as string)
    await put(etcd, a)
    const followed = follow(etcd, { endpoints: proxy.endpoint })
    await followed.begin()
    await proxy.refuse()
    proxy.reset()
    await followed.events.until('disconnected')
    await put(etcd, b)
    const revision = await put(etcd, a, b)
    await put(etcd, a, b)
    await etcd.compact()
    await proxy.pass()
    expect(await followed.next()).toMatchObject({ addresses: [a, b], added: [b], removed: [] })
    await followed.events.until('connected', (event) => BigInt(event.revision) > BigInt(revision))
    await put(etcd, a, b, c)
    expect(await followed.next()).toMatchObject({ added: [c] })
  })

  test('is found again after the key was deleted: its history is still the same', async () => {
    await using etcd = await startEtcd()
    await using proxy = await startProxy(etcd.endpoints[0] as string)
    await put(etcd, a)
    const followed = follow(etcd, { endpoints: proxy.endpoint })
    await followed.begin()
    await etcd.del(key)
    await followed.events.until('ignored')
    proxy.reset()
    await followed.events.until('connected')
    expect(followed.events.of('resynced')).toEqual([])
    await put(etcd, a, b)
    expect(await followed.next()).toMatchObject({ addresses: [a, b], added: [b], removed: [] })
  })

  test('is restarted: the last list stays, and what is written after that is there', async () => {
    await using etcd = await startEtcd()
    await put(etcd, a)
    const followed = follow(etcd)
    await followed.begin()
    const next = followed.next()
    await etcd.members[0]?.restart()
    await followed.events.until('connected')
    await put(etcd, a, b)
    expect(await next).toMatchObject({ addresses: [a, b], added: [b], removed: [] })
    expect(followed.events.types.filter((type) => type === 'disconnected')).toHaveLength(1)
    expect(followed.events.of('changed')).toHaveLength(1)
  })

  test('is killed while an address is held: it stays until etcd is back and says so', async () => {
    await using etcd = await startEtcd()
    await put(etcd, a, b)
    const followed = follow(etcd, { shrinkDelayMs: 300 })
    await followed.begin()
    await put(etcd, a)
    await followed.events.until('held')
    await etcd.members[0]?.kill()
    await followed.events.until('disconnected')
    await followed.events.until('retry', ({ attempt }) => attempt >= 4) // after more than shrinkDelayMs
    expect(followed.events.of('changed')).toEqual([])
    await etcd.members[0]?.start()
    expect(await followed.next()).toMatchObject({ addresses: [a], removed: [b] })
  })

  test('is restored from an older snapshot: emits resynced, and is followed', async () => {
    await using etcd = await startEtcd()
    const old = await put(etcd, a)
    const snapshot = await etcd.saveSnapshot()
    for (let i = 0; i < 10; i++) await etcd.put('another', 'key')
    await put(etcd, b)
    const followed = follow(etcd, { shrinkDelayMs: 300 })
    expect(await followed.begin()).toMatchObject({ addresses: [b] })
    await etcd.restoreSnapshot(snapshot)
    expect(await followed.next()).toMatchObject({ addresses: [a, b], added: [a], revision: old })
    expect(await followed.next()).toMatchObject({ addresses: [a], removed: [b], revision: old })
    expect(followed.events.of('resynced')).toHaveLength(1)
    await followed.events.until('connected')
    await put(etcd, a, c)
    expect(await followed.next()).toMatchObject({ addresses: [a, c], added: [c] })
  })

  test('is silently cut off: found by keepalive within 15 s, and followed on a new connection', async () => {
    await using etcd = await startEtcd()
    await using proxy = await startProxy(etcd.endpoints[0] as string)
    await put(etcd, a)
    const followed = follow(etcd, { endpoints: proxy.endpoint })
    await followed.begin()
    await proxy.blackhole()
    await proxy.pass() // for new connections
    await put(etcd, a, b)
    expect(await followed.next()).toMatchObject({ addresses: [a, b] })
    // Without keepalive, only the read after 60 s or more would have found it.
    expect(followed.events.all[0]).toMatchObject({
      type: 'disconnected',
      error: { message: `${proxy.endpoint}: the connection to etcd was lost` },
    })
  })

  test('refuses a watch from a revision that it has not reached, as after a restored snapshot', async () => {
    await using etcd = await startEtcd()
    const revision = BigInt(await put(etcd, a))
    const { signal } = new AbortController()
    const connection = await connect({
      ...connectionDefaults,
      endpoint: endpointOf(etcd.endpoints[0] as string),
      certificates: await readCertificates(etcd.tls, signal),
    })
    onTestFinished(() => connection.close())
    await expect(connection.watch(key, revision + 1n, signal)).rejects.toMatchObject({
      reason: 'unavailable',
      message: expect.stringMatching(
        `^etcd is at revision ${revision}, and was at ${revision + 1n}: a snapshot was restored`,
      ),
    })
    await expect(connection.watch(key, revision, signal)).resolves.toBeDefined()
  })

  test('has more changes than one message may hold: all of them arrive', async () => {
    await using etcd = await startEtcd()
    const revisions: string[] = []
    for (let i = 0; i < 5; i++) revisions.push(await etcd.put(key, 'x'.repeat(1 << 20)))
    const { signal } = new AbortController()
    const certificates = await readCertificates(etcd.tls, signal)
    const connection = await connect({
      ...connectionDefaults,
      endpoint: endpointOf(etcd.endpoints[0] as string),
      certificates,
    })
    onTestFinished(() => connection.close())
    const watch = await connection.watch(key, BigInt(revisions[0] as string) - 1n, signal)
    const seen: string[] = []
    while (seen.length < revisions.length) {
      await watch.changed(signal)
      for (const { modRevision } of watch.drain()) seen.push(String(modRevision))
    }
    expect(seen).toEqual(revisions)
  })
})

describe('three members', () => {
  test('lose their leader, which was followed: cut within seconds, and followed elsewhere', async () => {
    await using etcd = await startEtcd({ members: 3 })
    const [first] = etcd.members as [EtcdMember]
    await etcd.moveLeader(first)
    await put(etcd, a)
    const followed = follow(etcd)
    await followed.begin()
    await first.kill()
    await put(etcd, a, b)
    expect(await followed.next()).toMatchObject({ addresses: [a, b] })
    await followed.events.until('connected')
    await put(etcd, a, b, c)
    expect(await followed.next()).toMatchObject({ added: [c] })
  })

  test('cut one off, which was followed: it has no leader, says so, and another one is followed', async () => {
    await using etcd = await startEtcd({ members: 3 })
    const [first] = etcd.members as [EtcdMember]
    await put(etcd, a)
    const followed = follow(etcd)
    await followed.begin()
    await first.partition()
    const { error } = await followed.events.until('disconnected')
    expect(error).toMatchObject({ reason: 'no-leader' })
    await followed.events.until('connected')
    await put(etcd, a, b)
    expect(await followed.next()).toMatchObject({ addresses: [a, b] })
  })

  test('cut one off, which is the only one known: the last list stays, and the new one is there when it is back', async () => {
    await using etcd = await startEtcd({ members: 3 })
    const [first] = etcd.members as [EtcdMember]
    await put(etcd, a, b)
    const followed = follow(etcd, { endpoints: first.endpoint, shrinkDelayMs: 0 })
    await followed.begin()
    const next = followed.next()
    await first.partition()
    await followed.events.until('disconnected')
    await put(etcd, b)
    await put(etcd, b, c)
    await followed.events.until('retry', ({ attempt }) => attempt >= 4)
    expect(followed.events.of('changed')).toEqual([])
    await first.heal()
    expect(await next).toMatchObject({ addresses: [b, c], added: [c], removed: [a] })
  })
})
