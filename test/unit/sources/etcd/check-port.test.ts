import { once } from 'node:events'
import { createServer } from 'node:net'
import { expect, test } from 'vitest'
import { checkPort } from '../../../../src/sources/etcd/check-port.ts'
import { endpointOf } from '../../../support/endpoint.ts'
import { unusedPort } from '../../../support/net.ts'
import { serve } from '../../../support/serve.ts'

const never = new AbortController().signal

test.each(['127.0.0.1', '[::1]', 'localhost'])(
  'checkPort resolves when %s accepts a connection, and closes it',
  async (host) => {
    const server = createServer()
    const accepted = once(server, 'connection')
    const port = await serve(server, host === '[::1]' ? '::1' : '127.0.0.1')
    await checkPort(endpointOf(`https://${host}:${port}`), never)
    const [socket] = await accepted
    await once(socket.resume(), 'close')
    expect(socket.bytesRead).toBe(0)
  },
)

test.each(['127.0.0.1', 'localhost'])(
  'checkPort rejects with unreachable when %s refuses the connection',
  async (host) => {
    const port = await unusedPort()
    await expect(checkPort(endpointOf(`http://${host}:${port}`), never)).rejects.toMatchObject({
      reason: 'unreachable',
      message: `http://${host}:${port}: etcd cannot be reached (connect ECONNREFUSED 127.0.0.1:${port})`,
      cause: { code: 'ECONNREFUSED' },
    })
  },
)

test.each([
  ['https://127.0.0.1:443', 443],
  ['http://127.0.0.1:80', 80],
])('checkPort of %s connects to port %i', async (url, port) => {
  // The port may be open or closed on this machine.
  const checkedPort = checkPort(endpointOf(url), never).then(
    () => port,
    ({ cause }) => cause.port,
  )
  expect(await checkedPort).toBe(port)
})

test('checkPort rejects with unreachable when the host name is not known', { timeout: 30_000 }, async () => {
  await expect(checkPort(endpointOf('http://nowhere.invalid:2379'), never)).rejects.toMatchObject({
    reason: 'unreachable',
    message: expect.stringMatching(/the host name is not known \(getaddrinfo \w+ nowhere.invalid\)$/),
  })
})

test.each([new Error('enough'), 'enough', null])(
  'checkPort rejects with signal.reason when it is aborted with %s, and leaves no socket',
  async (reason) => {
    const controller = new AbortController()
    const endpoint = endpointOf(`http://127.0.0.1:${await serve(createServer())}`)
    const check = checkPort(endpoint, controller.signal)
    controller.abort(reason)
    await expect(check).rejects.toBe(reason)
    await expect(checkPort(endpoint, controller.signal)).rejects.toBe(reason)
    await expect.poll(() => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap')).toEqual([])
  },
)
