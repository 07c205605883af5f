import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import net from 'node:net'
import tls from 'node:tls'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createAuthority } from '../support/certificates.ts'
import { startEtcd } from '../support/etcd.ts'
import type { EtcdCluster, EtcdMember } from '../support/etcd.ts'
import { checkLeaks } from '../support/leaks.ts'
import { startProxy, unusedPort } from '../support/net.ts'

const key = Buffer.from('k').toString('base64')
const value = (text: string): object => ({
  kvs: [expect.objectContaining({ value: Buffer.from(text).toString('base64') })],
})

/** A read at the member itself; linearizable unless said otherwise. */
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
    // With TLS 1.3 the server refuses a client only after the client is done: wait for its first bytes.
    await once(socket, 'data')
    return socket.getPeerCertificate()
  } finally {
    socket.destroy()
  }
}

async function echo(): Promise<net.Server> {
  const server = net.createServer((socket) => void socket.on('error', () => {}).pipe(socket)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}
const portOf = (server: net.Server): number => (server.address() as net.AddressInfo).port

describe('one member', () => {
  let cluster: EtcdCluster
  let member: EtcdMember
  beforeAll(async () => {
    cluster = await startEtcd()
    member = cluster.members[0]!
  })
  afterAll(() => cluster[Symbol.asyncDispose]())

  test('is ready at once, over mutual TLS', async () => {
    const revision = await cluster.put('k', 'v')
    expect(await cluster.get('k')).toEqual({ value: Buffer.from('v'), modRevision: revision })
    expect(await cluster.etcdctl('get', 'k')).toBe('k\nv\n')
    expect((await handshake(cluster)).subject.CN).toBe('etcd-server')
    await expect(handshake(cluster, false)).rejects.toThrow(/alert/)
  })

  test('keeps its port, its data and its certificates through kill, stop and start', async () => {
    await cluster.put('k', 'kept')
    await member.kill()
    await expect(handshake(cluster)).rejects.toThrow(/ECONNREFUSED/)
    await member.start()
    await member.restart()
    expect(await read(member)).toMatchObject(value('kept'))
    await handshake(cluster)
  })

  test('hangs while paused', async () => {
    await member.pause()
    await expect(read(member)).rejects.toThrow(/does not answer/)
    await member.unpause()
    await read(member)
  })

  test('goes back in its history when a snapshot is restored', async () => {
    const revision = await cluster.put('k', 'old')
    const snapshot = await cluster.saveSnapshot()
    await cluster.put('k', 'new')
    await cluster.restoreSnapshot(snapshot)
    expect(await cluster.get('k')).toEqual({ value: Buffer.from('old'), modRevision: revision })
  })

  test('forgets its history when compacted', async () => {
    const revision = await cluster.put('k', '1')
    await cluster.put('k', '2')
    await cluster.compact()
    await expect(read(member, { revision })).rejects.toThrow(/compacted/)
    await cluster.del('k')
    expect(await cluster.get('k')).toBeUndefined()
  })

  test('serves a new certificate from the next handshake on', async () => {
    await member.useCertificate(await cluster.authority.issue({ commonName: 'new', ipAddresses: ['127.0.0.1'] }))
    expect((await handshake(cluster)).subject.CN).toBe('new')
    await member.useCertificate(await (await createAuthority('other')).issue({ commonName: 'foreign' }))
    await expect(handshake(cluster)).rejects.toThrow(/unable to verify the first certificate/)
    await cluster.put('k', 'the fixture itself does not mind')
  })

  test('wants a user once auth is on', async () => {
    await cluster.enableAuth()
    await expect(read(member)).rejects.toThrow(/user name is empty/)
    await cluster.put('k', 'v')
    expect(await cluster.etcdctl('get', 'k')).toBe('k\nv\n')
  })
})

test('a small quota raises an alarm', async () => {
  await using cluster = await startEtcd({ tls: 'none', config: { 'quota-backend-bytes': 65_536 } })
  expect(cluster.endpoints[0]).toMatch(/^http:/)
  const fill = async (): Promise<never> => {
    for (;;) await cluster.put('k', Buffer.alloc(16_384))
  }
  await expect(fill()).rejects.toThrow(/database space exceeded/)
  expect(await cluster.etcdctl('alarm', 'list')).toContain('NOSPACE')
})

test('a learner answers no linearizable read until it is promoted', async () => {
  await using cluster = await startEtcd()
  await cluster.put('k', 'v')
  const learner = await cluster.addLearner()
  expect(await learner.status()).toMatchObject({ isLearner: true })
  await expect(read(learner)).rejects.toThrow(/not supported for learner/)
  await expect.poll(() => read(learner, { serializable: true })).toMatchObject(value('v'))
  await cluster.promote(learner)
  await expect.poll(() => read(learner)).toMatchObject(value('v'))
})

describe('three members', () => {
  let cluster: EtcdCluster
  let members: [EtcdMember, EtcdMember, EtcdMember]
  beforeAll(async () => {
    cluster = await startEtcd({ members: 3 })
    members = cluster.members as typeof members
  })
  afterAll(() => cluster[Symbol.asyncDispose]())

  test('cut off from its peers, a member has only old news; its clients still reach it', async () => {
    const cutOff = members[2]
    await cluster.put('k', 'old')
    await expect.poll(() => read(cutOff, { serializable: true })).toMatchObject(value('old'))
    await cutOff.partition()
    await cluster.put('k', 'new')
    await expect(read(cutOff)).rejects.toThrow(/does not answer|no leader|timed out/)
    expect(await read(cutOff, { serializable: true })).toMatchObject(value('old'))
    await cutOff.heal()
    await expect.poll(() => read(cutOff).catch(String), { timeout: 10_000 }).toMatchObject(value('new'))
  })

  test('outlive their leader, and without a quorum there is none', async () => {
    const [survivor, leader, other] = members
    await cluster.moveLeader(leader)
    expect(await cluster.leader()).toBe(leader)
    await leader.kill()
    await cluster.put('k', 'v')
    await other.kill()
    await expect.poll(async () => (await survivor.status()).leader, { timeout: 10_000 }).toBe('0')
    await leader.start({ untilReady: false })
    await cluster.put('k', 'again')
  })
})

test('a port that is unused for a while is not given to another', async () => {
  const ports = new Set<number>()
  for (let i = 0; i < 500; i++) ports.add(await unusedPort())
  expect(ports.size).toBe(500)
})

describe('proxy', () => {
  async function say(socket: net.Socket, text: string): Promise<string> {
    socket.write(text)
    const [answer] = await once(socket, 'data', { signal: AbortSignal.timeout(200) })
    return String(answer)
  }

  test('passes, resets, refuses, plays dead, counts, and leaves nothing behind', async () => {
    using leaks = checkLeaks()
    const server = await echo()
    const proxy = await startProxy(`http://127.0.0.1:${portOf(server)}`)
    const connect = (): net.Socket => net.connect(proxy.port, '127.0.0.1')
    expect(proxy.endpoint).toBe(`http://127.0.0.1:${proxy.port}`)

    const first = connect()
    expect(await say(first, 'a')).toBe('a')
    const reset = once(first, 'close').catch(String)
    proxy.reset()
    expect(await reset).toMatch(/ECONNRESET/)

    const second = connect()
    expect(await say(second, 'b')).toBe('b')
    await proxy.refuse()
    await expect(say(connect(), 'c')).rejects.toThrow(/ECONNREFUSED/)
    expect(await say(second, 'd')).toBe('d')

    await proxy.blackhole()
    const third = connect()
    await expect(say(second, 'e')).rejects.toThrow(/abort/)
    await expect(say(third, 'f')).rejects.toThrow(/abort/)
    await proxy.pass()
    await expect(say(second, 'g')).rejects.toThrow(/abort/)
    const fourth = connect()
    expect(await say(fourth, 'h')).toBe('h')

    expect(proxy.connections).toBe(4)
    for (const socket of [second, third, fourth]) socket.destroy()
    await expect.poll(() => proxy.open).toBe(0)
    await proxy.close()
    server.close()
    await leaks.expectNone()
  })

  test('nothing listens on an unused port', async () => {
    await expect(once(net.connect(await unusedPort(), '127.0.0.1'), 'connect')).rejects.toThrow(/ECONNREFUSED/)
  })
})

describe('leak check', () => {
  const { signal } = new AbortController()
  const ignore = (): void => {}

  test.each<[what: string, make: () => () => void]>([
    ['timer', () => clearTimeout.bind(undefined, setTimeout(ignore, 60_000))],
    [
      'listener for "abort" of AbortSignal',
      () => {
        signal.addEventListener('abort', ignore)
        return () => signal.removeEventListener('abort', ignore)
      },
    ],
    [
      'listener for "exit" of process',
      () => {
        process.on('exit', ignore)
        return () => process.off('exit', ignore)
      },
    ],
  ])('finds a %s', async (what, make) => {
    using leaks = checkLeaks(signal)
    const undo = make()
    await expect(leaks.expectNone(50)).rejects.toThrow(what)
    undo()
    await leaks.expectNone()
  })

  test('finds a connection, even one that would not keep the process alive', async () => {
    const server = await echo()
    using leaks = checkLeaks()
    const socket = net.connect(portOf(server), '127.0.0.1').unref()
    await expect(leaks.expectNone(50)).rejects.toThrow('TCP connection')
    socket.destroy()
    await leaks.expectNone()
    server.close()
  })
})
