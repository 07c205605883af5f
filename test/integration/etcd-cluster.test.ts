import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import tls from 'node:tls'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createAuthority } from '../support/certificates.ts'
import { startEtcd } from '../support/etcd.ts'
import type { EtcdCluster, EtcdMember } from '../support/etcd.ts'

const key = Buffer.from('k').toString('base64')
const responseWith = (value: string): object => ({
  kvs: [expect.objectContaining({ value: Buffer.from(value).toString('base64') })],
})

/** Reads the key from this member. The read is linearizable unless the options say otherwise. */
const read = (member: EtcdMember, options: object = {}): Promise<unknown> =>
  member.request('kv/range', { key, ...options })

async function handshake(cluster: EtcdCluster, withClientCertificate = true): Promise<tls.PeerCertificate> {
  const [ca, cert, clientKey] = await Promise.all(
    [cluster.tls.caFile, cluster.tls.certFile, cluster.tls.keyFile].map((file) => readFile(file)),
  )
  const client = withClientCertificate ? { cert, key: clientKey } : {}
  const port = Number(new URL(cluster.endpoints[0]!).port)
  const socket = tls.connect({ host: '127.0.0.1', port, ca, ALPNProtocols: ['h2'], ...client } as tls.ConnectionOptions)
  try {
    // With TLS 1.3, the server refuses a client only after the client has finished its handshake.
    await once(socket, 'data')
    return socket.getPeerCertificate()
  } finally {
    socket.destroy()
  }
}

describe('one member', () => {
  let cluster: EtcdCluster
  let member: EtcdMember
  beforeAll(async () => {
    cluster = await startEtcd()
    member = cluster.members[0]!
  })
  afterAll(() => cluster[Symbol.asyncDispose]())

  test('an etcd cluster is ready when startEtcd resolves, and requires mutual TLS', async () => {
    const revision = await cluster.put('k', 'v')
    expect(await cluster.get('k')).toEqual({ value: Buffer.from('v'), modRevision: revision })
    expect(await cluster.etcdctl('get', 'k')).toBe('k\nv\n')
    expect((await handshake(cluster)).subject.CN).toBe('etcd-server')
    await expect(handshake(cluster, false)).rejects.toThrow(/alert/)
  })

  test('an etcd member keeps its port, its data and its certificates after kill, start and restart', async () => {
    await cluster.put('k', 'kept')
    await member.kill()
    await expect(handshake(cluster)).rejects.toThrow(/ECONNREFUSED/)
    await member.start()
    await member.restart()
    expect(await read(member)).toMatchObject(responseWith('kept'))
    await handshake(cluster)
  })

  test('an etcd member does not answer while it is paused', async () => {
    await member.pause()
    await expect(read(member)).rejects.toThrow(/does not answer/)
    await member.unpause()
    await read(member)
  })

  test('an etcd cluster has an older value and revision after a snapshot was restored', async () => {
    const revision = await cluster.put('k', 'old')
    const snapshot = await cluster.saveSnapshot()
    await cluster.put('k', 'new')
    await cluster.restoreSnapshot(snapshot)
    expect(await cluster.get('k')).toEqual({ value: Buffer.from('old'), modRevision: revision })
  })

  test('an etcd cluster has no older revisions after compact()', async () => {
    const revision = await cluster.put('k', '1')
    await cluster.put('k', '2')
    await cluster.compact()
    await expect(read(member, { revision })).rejects.toThrow(/compacted/)
    await cluster.del('k')
    expect(await cluster.get('k')).toBeUndefined()
  })

  test('an etcd member uses a new certificate from the next handshake on', async () => {
    await member.useCertificate(await cluster.authority.issue({ commonName: 'new', ipAddresses: ['127.0.0.1'] }))
    expect((await handshake(cluster)).subject.CN).toBe('new')
    await member.useCertificate(await (await createAuthority('other')).issue({ commonName: 'foreign' }))
    await expect(handshake(cluster)).rejects.toThrow(/unable to verify the first certificate/)
    await cluster.put('k', 'v') // on the admin port
  })

  test('an etcd cluster requires a user after enableAuth()', async () => {
    await cluster.enableAuth()
    await expect(read(member)).rejects.toThrow(/user name is empty/)
    await cluster.put('k', 'v')
    expect(await cluster.etcdctl('get', 'k')).toBe('k\nv\n')
  })
})

test('an etcd cluster with a small quota raises an alarm', async () => {
  await using cluster = await startEtcd({ tls: 'none', config: { 'quota-backend-bytes': 65_536 } })
  expect(cluster.endpoints[0]).toMatch(/^http:/)
  const fill = async (): Promise<never> => {
    for (;;) await cluster.put('k', Buffer.alloc(16_384))
  }
  await expect(fill()).rejects.toThrow(/database space exceeded/)
  expect(await cluster.etcdctl('alarm', 'list')).toContain('NOSPACE')
})

test('an etcd learner answers no linearizable read until it is promoted', async () => {
  await using cluster = await startEtcd()
  await cluster.put('k', 'v')
  const learner = await cluster.addLearner()
  expect(await learner.status()).toMatchObject({ isLearner: true })
  await expect(read(learner)).rejects.toThrow(/not supported for learner/)
  await expect.poll(() => read(learner, { serializable: true })).toMatchObject(responseWith('v'))
  await cluster.promote(learner)
  await expect.poll(() => read(learner)).toMatchObject(responseWith('v'))
})

describe('three members', () => {
  let cluster: EtcdCluster
  let members: [EtcdMember, EtcdMember, EtcdMember]
  beforeAll(async () => {
    cluster = await startEtcd({ members: 3 })
    members = cluster.members as typeof members
  })
  afterAll(() => cluster[Symbol.asyncDispose]())

  test('a partitioned etcd member returns only old values, and its clients can reach it', async () => {
    const member = members[2]
    await cluster.put('k', 'old')
    await expect.poll(() => read(member, { serializable: true })).toMatchObject(responseWith('old'))
    await member.partition()
    await cluster.put('k', 'new')
    await expect(read(member)).rejects.toThrow(/does not answer|no leader|timed out/)
    expect(await read(member, { serializable: true })).toMatchObject(responseWith('old'))
    await member.heal()
    await expect.poll(() => read(member).catch(String), { timeout: 30_000 }).toMatchObject(responseWith('new'))
  })

  test('an etcd cluster of three elects another leader when one is killed, and has none without a quorum', async () => {
    const [survivor, leader, other] = members
    await cluster.moveLeader(leader)
    expect(await cluster.leader()).toBe(leader)
    await leader.kill()
    await cluster.put('k', 'v')
    await other.kill()
    await expect.poll(async () => (await survivor.status()).leader, { timeout: 30_000 }).toBe('0')
    await leader.start({ untilReady: false })
    await cluster.put('k', 'again')
  })
})
