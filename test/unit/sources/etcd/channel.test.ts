import { once } from 'node:events'
import http2 from 'node:http2'
import net from 'node:net'
import { setImmediate } from 'node:timers/promises'
import { createSecureContext } from 'node:tls'
import { expect, onTestFinished, test, vi } from 'vitest'
import { EndpointChannel } from '../../../../src/sources/etcd/channel.ts'
import { createAuthority } from '../../../support/certificates.ts'
import { endpointOf } from '../../../support/endpoint.ts'
import { expectNoLeaks } from '../../../support/no-leaks.ts'
import { serve } from '../../../support/serve.ts'

expectNoLeaks()

const parameters = { ipAddresses: ['127.0.0.1'], context: undefined, keepaliveMs: 10_000 }

/** Starts a server that accepts connections and sends nothing, as an etcd that has just started to listen. */
async function startSilentServer() {
  const accepted: net.Socket[] = []
  const server = net.createServer((socket) => accepted.push(socket.resume()))
  const port = await serve(server)
  return { server, accepted, port }
}

const createChannel = (port: number) => new EndpointChannel(endpointOf(`http://127.0.0.1:${port}`), parameters)

test('EndpointChannel.close leaves no socket when it is called right after connect', async () => {
  const { port } = await startSilentServer()
  const channel = createChannel(port)
  channel.connect()
  channel.close()
  expect(channel.stage).toBe('connecting')
})

test('EndpointChannel.close right after connect prevents the connection, and another attempt a second later', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  onTestFinished(() => void vi.useRealTimers())
  const { accepted, port, server } = await startSilentServer()
  const channel = createChannel(port)
  channel.connect()
  channel.close()
  for (let round = 0; round < 100; round++) {
    await setImmediate()
    vi.advanceTimersByTime(100)
  }
  // The server accepts connections in order, so that this one comes after any of the channel.
  const last = net.connect(port, '127.0.0.1')
  await once(server, 'connection')
  last.destroy()
  expect(accepted).toHaveLength(1)
})

test('EndpointChannel.close leaves no socket when it is called during the handshake', async () => {
  const { accepted, port, server } = await startSilentServer()
  const channel = createChannel(port)
  expect(channel.stage).toBe('connecting')
  channel.connect()
  await once(server, 'connection')
  await expect.poll(() => channel.stage).toBe('handshake')
  channel.close()
  await once(accepted[0]!, 'close')
  expect(accepted).toHaveLength(1)
})

test('EndpointChannel.close destroys only the sockets of its own channel', async () => {
  const { accepted, port } = await startSilentServer()
  const one = createChannel(port)
  const other = createChannel(port)
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

test('EndpointChannel.error is not the error of an address that has failed while another one connected', async () => {
  const authority = await createAuthority()
  const { cert, key } = await authority.issue({ commonName: 'etcd', ipAddresses: ['127.0.0.1'] })
  const secondHasFailed = Promise.withResolvers<void>()
  const etcd = http2.createSecureServer({ cert, key })
  const accepted: net.Socket[] = []
  const first = net.createServer((socket) => {
    accepted.push(socket)
    // The TLS handshake starts only when the second address, which grpc-js tries meanwhile, has failed.
    void secondHasFailed.promise.then(() => etcd.emit('connection', socket))
  })
  const port = await serve(first)
  const second = net.createServer((socket) => {
    socket.destroy()
    socket.once('close', () => secondHasFailed.resolve())
  })
  onTestFinished(() => void second.close())
  second.listen(port, '127.0.0.2')
  await once(second, 'listening')
  const context = createSecureContext({ ca: authority.cert })
  const ipAddresses = ['127.0.0.1', '127.0.0.2']
  const channel = new EndpointChannel(endpointOf(`https://127.0.0.1:${port}`), { ...parameters, ipAddresses, context })
  channel.connect()
  await channel.whenReady()
  expect(channel.error).toBeUndefined()
  accepted[0]!.resetAndDestroy()
  await expect.poll(() => channel.stage).not.toBe('ready')
  expect(channel.error?.message ?? '').not.toMatch(/before secure TLS/)
  channel.close()
})
