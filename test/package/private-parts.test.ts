import { globSync, readFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { join } from 'node:path'
import * as grpc from '@grpc/grpc-js'
import { expect, onTestFinished, test } from 'vitest'
import { unusedPort } from '../support/net.ts'

const root = join(import.meta.dirname, '../..')
const read = (file: string) => readFileSync(join(root, file), 'utf8')

/** What CONTRIBUTING.md lists. */
const credentialsMethods = ['_createSecureConnector', '_equals', '_isSecure']

test('src uses no underscore members of a dependency but those that CONTRIBUTING.md lists', () => {
  const members = globSync('src/**/*.ts', { cwd: root }).flatMap((file) =>
    [...read(file).matchAll(/(?:\.|^ +)(_\w+)\b(?= = |[(.;])/gm)].map(([, name = '']) => name),
  )
  expect([...new Set(members)].toSorted()).toEqual(credentialsMethods)
  for (const name of credentialsMethods) expect(read('CONTRIBUTING.md')).toContain(`\`${name}\``)
})

test('src and dist import packages by their names, and no files inside them', () => {
  const packages = new Set<string>()
  for (const file of globSync(['src/**/*.ts', 'dist/*.{js,cjs}'], { cwd: root })) {
    const text = read(file).replaceAll(/^ *(\/?\*|\/\/).*$/gm, '')
    const imported = text.matchAll(/(?:\bfrom |^import |\b(?:require|import)\()['"]([^'".][^'"]*)['"]/gm)
    for (const [, name = ''] of imported) if (!isBuiltin(name)) packages.add(name)
  }
  // zod exports `zod/mini` to the public.
  expect([...packages].toSorted()).toEqual(['@grpc/grpc-js', 'etcd3', 'p-retry', 'pino', 'zod/mini'])
})

test('the credentials of grpc-js have the methods that channel.ts implements, and no other', () => {
  const methods = new Set<string>()
  for (const credentials of [grpc.credentials.createInsecure(), grpc.credentials.createSsl()]) {
    for (const name of Object.getOwnPropertyNames(Object.getPrototypeOf(credentials))) methods.add(name)
  }
  expect([...methods].toSorted()).toEqual([...credentialsMethods, 'compose', 'constructor'].toSorted())
  const insecure = grpc.credentials.createInsecure()
  const connect: unknown = Reflect.get(insecure, '_createSecureConnector')
  const connector = Reflect.apply(connect as () => object, insecure, [{ path: '' }, {}])
  expect(Object.keys(connector).toSorted()).toEqual(['connect', 'destroy', 'getCallCredentials', 'waitForReady'])
})

test('a channel of grpc-js has its reconnection timer where channel.ts stops it', async () => {
  const address = `127.0.0.1:${await unusedPort()}`
  const channel = new grpc.Channel(address, grpc.credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 })
  onTestFinished(() => channel.close())
  channel.getConnectivityState(true)
  await expect.poll(() => channel.getConnectivityState(false)).toBe(grpc.connectivityState.TRANSIENT_FAILURE)
  const { pool } = Reflect.get(Reflect.get(channel, 'internalChannel'), 'subchannelPool') as {
    pool: Record<string, { subchannel: { backoffTimeout: { stop: () => void } } }[]>
  }
  const subchannels = Object.values(pool).flat()
  expect(subchannels).toHaveLength(1)
  expect(subchannels[0]?.subchannel.backoffTimeout.stop).toBeInstanceOf(Function)
})
