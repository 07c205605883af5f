import { AsyncLocalStorage } from 'node:async_hooks'
import dns from 'node:dns'
import { expect, onTestFinished, test, vi } from 'vitest'
import { resolveApiserverAddresses } from '../../../../src/index.ts'
import { connect } from '../../../../src/sources/etcd/etcd-connection.ts'
import { EtcdSource } from '../../../../src/sources/etcd/etcd-source.ts'
import { VirtualClock } from '../../../support/clock.ts'
import { openConnection } from '../../../support/connection.ts'
import { connectionDefaults, endpointOf } from '../../../support/endpoint.ts'
import { etcdOptions } from '../../../support/etcd-source.ts'
import { startHostileEtcd } from '../../../support/hostile-etcd.ts'

/** Replaces DNS for one test. */
function answerDns(lookup: () => Promise<dns.LookupAddress[]>) {
  const spy = vi.spyOn(dns.promises, 'lookup').mockImplementation(lookup as unknown as typeof dns.promises.lookup)
  onTestFinished(() => spy.mockRestore())
}

// grpc-js takes the first two for schemes of a target, and etcd3 the last one for a property of its own.
test.each(['dns', 'unix', 'ipv4', 'xds', 'constructor', 'etcd.example.'])(
  'resolve reads from a host whose name is %s',
  async (host) => {
    answerDns(async () => [{ address: '127.0.0.1', family: 4 }])
    const { port } = new URL(await startHostileEtcd({}))
    const { addresses } = await resolveApiserverAddresses({ endpoints: `http://${host}:${port}`, key: 'key' })
    expect(addresses).toEqual(['10.0.0.11:6443'])
  },
)

test('a read whose DNS does not answer fails as unreachable, and says so', async () => {
  answerDns(() => new Promise(() => {}))
  const clock = new VirtualClock()
  const source = new EtcdSource(etcdOptions({ endpoints: 'http://silent.example:2379', key: 'key' }), clock)
  const read = source.read(new AbortController().signal)
  read.catch(() => {})
  // The client is loaded with the first connection, in time that is not the clock's.
  await vi.waitFor(() => expect(source.pending()?.message).toMatch(/DNS does not answer/))
  await clock.advance(5000)
  await expect(read).rejects.toMatchObject({
    reason: 'unreachable',
    message: 'http://silent.example:2379: the host name is not resolved: DNS does not answer',
  })
  source.close()
})

test.each([
  ['ENOTFOUND', 'the host name is not known'],
  ['EAI_AGAIN', 'the host name is not resolved: DNS does not answer'],
])('a read whose look-up fails with %s fails as unreachable with the cause', async (code, summary) => {
  const error = Object.assign(new Error(`getaddrinfo ${code} etcd.example`), { code, syscall: 'getaddrinfo' })
  answerDns(() => Promise.reject(error))
  const connection = await openConnection('http://etcd.example:2379')
  await expect(connection.read(new AbortController().signal)).rejects.toMatchObject({
    reason: 'unreachable',
    message: `http://etcd.example:2379: ${summary} (${error.message})`,
    cause: error,
  })
})

test('a connection that is closed while its host name is being resolved opens no channel', async () => {
  const lookup = Promise.withResolvers<dns.LookupAddress[]>()
  answerDns(() => lookup.promise)
  const connection = await openConnection('http://closed.example:2379')
  const read = connection.read(new AbortController().signal)
  read.catch(() => {})
  connection.close()
  lookup.resolve([{ address: '127.0.0.1', family: 4 }])
  await expect(read).rejects.toMatchObject({ reason: 'unavailable' })
  expect(connection.stage).toBe('resolving')
})

test('a connection uses no AsyncLocalStorage, which would slow down every await of the process on Node 22', async () => {
  const run = vi.spyOn(AsyncLocalStorage.prototype, 'run')
  const enterWith = vi.spyOn(AsyncLocalStorage.prototype, 'enterWith')
  const connection = await openConnection(await startHostileEtcd({}))
  await connection.read(new AbortController().signal)
  expect([run.mock.calls, enterWith.mock.calls]).toEqual([[], []])
})

test('a connection reports that the server has ended it because of too many pings', async () => {
  const endpoint = await startHostileEtcd({
    onRange: (stream) => {
      stream.session?.goaway(11, 0, Buffer.from('too_many_pings'))
      stream.close(11)
    },
  })
  const onExcessPings = vi.fn<() => void>()
  const connection = await connect({ ...connectionDefaults, endpoint: endpointOf(endpoint), onExcessPings })
  onTestFinished(() => connection.close())
  await expect(connection.read(new AbortController().signal)).rejects.toMatchObject({
    reason: 'unavailable',
    message: expect.stringContaining('the server refused the keepalive pings as too frequent'),
  })
  expect(onExcessPings).toHaveBeenCalled()
})
