import { once } from 'node:events'
import net from 'node:net'
import { expect, test } from 'vitest'
import { checkLeaks } from '../support/leaks.ts'
import { startProxy, unusedPort } from '../support/net.ts'
import { serve } from '../support/serve.ts'

const startEcho = () => serve(net.createServer((socket) => void socket.pipe(socket)))

/** A connection that keeps what it has received. */
class Client {
  readonly socket: net.Socket
  received = ''

  constructor(port: number) {
    this.socket = net.connect(port, '127.0.0.1')
    this.socket.setEncoding('utf8').on('data', (text: string) => (this.received += text))
  }

  send(text: string): void {
    this.socket.write(text)
  }

  /** Sends a text and resolves with the next data. */
  async exchange(text: string): Promise<string> {
    this.send(text)
    const [response] = await once(this.socket, 'data')
    return String(response)
  }
}

test('unusedPort returns each port once', async () => {
  const ports = new Set<number>()
  for (let i = 0; i < 500; i++) ports.add(await unusedPort())
  expect(ports.size).toBe(500)
})

test('unusedPort returns a port on which nothing listens', async () => {
  await expect(once(net.connect(await unusedPort(), '127.0.0.1'), 'connect')).rejects.toThrow(/ECONNREFUSED/)
})

test('a proxy forwards, resets, refuses and black-holes connections, and leaves nothing behind', async () => {
  const echoPort = await startEcho()
  using leaks = checkLeaks()
  const proxy = await startProxy(`http://127.0.0.1:${echoPort}`)
  expect(proxy.endpoint).toBe(`http://127.0.0.1:${proxy.port}`)

  const first = new Client(proxy.port)
  expect(await first.exchange('a')).toBe('a')
  const reset = once(first.socket, 'close').catch(String)
  proxy.reset()
  expect(await reset).toMatch(/ECONNRESET/)

  const second = new Client(proxy.port)
  expect(await second.exchange('b')).toBe('b')
  await proxy.refuse()
  await expect(new Client(proxy.port).exchange('c')).rejects.toThrow(/ECONNREFUSED/)
  expect(await second.exchange('d')).toBe('d')

  await proxy.blackhole()
  const third = new Client(proxy.port)
  await once(third.socket, 'connect')
  second.send('e')
  third.send('f')
  await proxy.pass()
  second.send('g')
  const fourth = new Client(proxy.port)
  expect(await fourth.exchange('h')).toBe('h')
  // A later connection has had its response by now.
  expect(second.received).toBe('bd')
  expect(third.received).toBe('')

  expect(proxy.connections).toBe(4)
  for (const { socket } of [second, third, fourth]) socket.destroy()
  await expect.poll(() => proxy.open).toBe(0)
  await proxy.close()
  await leaks.expectNone()
})
