import { once } from 'node:events'
import net from 'node:net'
import { setImmediate } from 'node:timers/promises'
import { expect, onTestFinished, test, vi } from 'vitest'
import { EndpointChannel } from '../../../../src/sources/etcd/channel.ts'
import { endpointOf } from '../../../support/endpoint.ts'
import { expectNoLeaks } from '../../../support/no-leaks.ts'
import { serve } from '../../../support/serve.ts'

expectNoLeaks()

/** A server that says nothing, as an etcd does that has just begun to listen. */
async function silentServer() {
  const accepted: net.Socket[] = []
  const server = net.createServer((socket) => accepted.push(socket.resume()))
  const port = await serve(server)
  return { server, accepted, port, endpoint: `http://127.0.0.1:${port}` }
}

test('closed as soon as it has begun to connect, it leaves no socket', async () => {
  const { endpoint } = await silentServer()
  const channel = new EndpointChannel(endpointOf(endpoint), undefined)
  channel.connect()
  channel.close()
  expect(channel.stage).toBe('connecting')
})

test('closed as soon as it has begun to connect, it makes no connection, nor another one a second later', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  onTestFinished(() => void vi.useRealTimers())
  const { endpoint, accepted, port, server } = await silentServer()
  const channel = new EndpointChannel(endpointOf(endpoint), undefined)
  channel.connect()
  channel.close()
  for (let round = 0; round < 100; round++) {
    await setImmediate()
    vi.advanceTimersByTime(100)
  }
  // Whatever was made is accepted before this one.
  const last = net.connect(port, '127.0.0.1')
  await once(server, 'connection')
  last.destroy()
  expect(accepted).toHaveLength(1)
})

test('closed in the middle of the handshake, it leaves no socket', async () => {
  const { endpoint, accepted, server } = await silentServer()
  const channel = new EndpointChannel(endpointOf(endpoint), undefined)
  expect(channel.stage).toBe('connecting')
  channel.connect()
  await once(server, 'connection')
  await expect.poll(() => channel.stage).toBe('handshake')
  channel.close()
  await once(accepted[0]!, 'close')
  expect(accepted).toHaveLength(1)
})

test('it knows its own sockets from all others', async () => {
  const { endpoint, accepted, port } = await silentServer()
  const [one, other] = [1, 2].map(() => new EndpointChannel(endpointOf(endpoint), undefined)) as [
    EndpointChannel,
    EndpointChannel,
  ]
  one.connect()
  other.connect()
  const foreign = net.connect(port, '127.0.0.1')
  await once(foreign, 'connect')
  await expect.poll(() => accepted.length).toBe(3)
  one.close()
  await expect.poll(() => accepted.filter(({ destroyed }) => destroyed).length).toBe(1)
  expect([foreign.destroyed, other.stage]).toEqual([false, 'handshake'])
  other.close()
  foreign.destroy()
})
