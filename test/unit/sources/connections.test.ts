import { expect, test } from 'vitest'
import type { Certificates } from '../../../src/sources/certificates.ts'
import { Connections } from '../../../src/sources/connections.ts'
import { idle } from '../../support/clock.ts'
import { connectionDefaults, endpointOf } from '../../support/endpoint.ts'
import { ControlledConnection } from '../../support/etcd-source.ts'

const never = new AbortController().signal
const secure = endpointOf('https://a:2379')
const plain = endpointOf('http://b:2379')

const certificatesOf = (fingerprint: string): Certificates => ({
  files: { caFile: 'ca', certFile: 'cert', keyFile: 'key' },
  context: { context: undefined },
  fingerprint,
  exposure: undefined,
  client: undefined,
})

/** Creates the connections of a source; each connection is established at once, unless the test holds it. */
function create({ isReady = true } = {}) {
  const made: ControlledConnection[] = []
  const connections = new Connections(async (endpoint, certificates) => {
    const connection = new ControlledConnection({ ...connectionDefaults, endpoint, certificates })
    if (isReady) connection.becomeReady()
    made.push(connection)
    return connection
  })
  return { connections, made }
}

test('Connections.get opens a connection with the certificates', async () => {
  const { connections, made } = create()
  const current = certificatesOf('1')
  expect(await connections.get(secure, current, never)).toBe(made[0])
  expect(made[0]?.options).toMatchObject({ endpoint: secure, certificates: current })
})

test('Connections.get gives a plain-text endpoint no certificates, and ignores their changes', async () => {
  const { connections, made } = create()
  const first = await connections.get(plain, certificatesOf('1'), never)
  expect(await connections.get(plain, certificatesOf('2'), never)).toBe(first)
  expect(made.map(({ options }) => options.certificates)).toEqual([undefined])
})

test('Connections.get returns the established connection while the fingerprint is the same', async () => {
  const { connections, made } = create()
  const first = await connections.get(secure, certificatesOf('1'), never)
  expect(await connections.get(secure, certificatesOf('1'), never)).toBe(first)
  expect(made.map(({ closed }) => closed)).toEqual([false])
})

test('Connections.get opens a new connection when the fingerprint has changed, and keepOnly closes the former one', async () => {
  const { connections, made } = create()
  await connections.get(secure, certificatesOf('1'), never)
  expect(await connections.get(secure, certificatesOf('2'), never)).toBe(made[1])
  expect(made.map(({ closed }) => closed)).toEqual([false, false])
  connections.keepOnly(secure)
  expect(made.map(({ closed }) => closed)).toEqual([true, false])
})

test('Connections.restore returns to the connection with former certificates, and closes the new one', async () => {
  const { connections, made } = create()
  await connections.get(secure, certificatesOf('1'), never)
  await connections.get(secure, certificatesOf('2'), never)
  expect(connections.restore(secure)).toBe(made[0])
  expect(connections.find(secure)).toBe(made[0])
  expect(made.map(({ closed }) => closed)).toEqual([false, true])
  expect(await connections.get(secure, certificatesOf('2'), never)).toBe(made[2])
})

test('Connections.restore returns undefined without a former connection, and when the former one is lost', async () => {
  const { connections, made } = create()
  await connections.get(secure, certificatesOf('1'), never)
  expect(connections.restore(secure)).toBeUndefined()
  await connections.get(secure, certificatesOf('2'), never)
  made[0]!.stage = 'connecting'
  expect(connections.restore(secure)).toBeUndefined()
})

test('Connections keeps the connection that has answered while the files change more than once', async () => {
  const { connections, made } = create()
  await connections.get(secure, certificatesOf('1'), never)
  await connections.get(secure, certificatesOf('2'), never)
  await connections.get(secure, certificatesOf('3'), never)
  expect(made.map(({ closed }) => closed)).toEqual([false, true, false])
  connections.close()
  expect(made.map(({ closed }) => closed)).toEqual([true, true, true])
})

test('Connections.get replaces a connection that is not established', async () => {
  const { connections, made } = create({ isReady: false })
  await connections.get(secure, certificatesOf('1'), never)
  expect(await connections.get(secure, certificatesOf('1'), never)).toBe(made[1])
  expect(made.map(({ closed }) => closed)).toEqual([true, false])
})

test('Connections.get closes a connection that is made after an abort, and rejects with signal.reason', async () => {
  const { connections, made } = create()
  const controller = new AbortController()
  const result = connections.get(plain, undefined, controller.signal)
  controller.abort('enough')
  await expect(result).rejects.toBe('enough')
  expect(made.map(({ closed }) => closed)).toEqual([true])
  expect(connections.find(plain)).toBeUndefined()
})

test('Connections.get closes a connection that is made after close', async () => {
  const { connections, made } = create()
  const result = connections.get(plain, undefined, never)
  connections.close()
  await result
  expect(made.map(({ closed }) => closed)).toEqual([true])
})

test('Connections.discard closes the connection to one endpoint, and find no longer returns it', async () => {
  const { connections, made } = create()
  for (const endpoint of [secure, plain]) await connections.get(endpoint, certificatesOf('1'), never)
  expect(connections.find(secure)).toBe(made[0])
  connections.discard(secure)
  expect([connections.find(secure), connections.find(plain)]).toEqual([undefined, made[1]])
  expect(made.map(({ closed }) => closed)).toEqual([true, false])
})

test('Connections.close closes every connection', async () => {
  const { connections, made } = create()
  for (const endpoint of [secure, plain]) await connections.get(endpoint, certificatesOf('1'), never)
  connections.close()
  expect(made.map(({ closed }) => closed)).toEqual([true, true])
})

test('Connections.whenConnected resolves when one of the connections that are being made is established', async () => {
  const { connections, made } = create({ isReady: false })
  for (const endpoint of [secure, plain]) await connections.get(endpoint, certificatesOf('1'), never)
  let isConnected = false
  const connected = connections.whenConnected().then(() => (isConnected = true))
  await idle()
  expect(isConnected).toBe(false)
  made[1]!.becomeReady()
  await connected
})

test('Connections.whenConnected stays pending if no connection is being made', async () => {
  const { connections } = create()
  await connections.get(plain, undefined, never)
  let isConnected = false
  void connections.whenConnected().then(() => (isConnected = true))
  await idle()
  expect(isConnected).toBe(false)
})
