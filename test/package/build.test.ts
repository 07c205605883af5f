import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import protobuf from 'protobufjs'
import { expect, test } from 'vitest'
import { etcdDescriptor } from '../../build/etcd-descriptor.ts'
import { lightPRetry } from '../../build/light-p-retry.ts'
import { withoutParser } from '../../build/without-parser.ts'
import { withoutReflection } from '../../build/without-reflection.ts'
import { withoutUnused } from '../../build/without-unused.ts'
import { withoutWebAssembly } from '../../build/without-webassembly.ts'
import { resolveApiserverAddresses } from '../../dist/index.js'
import { sampleEvent } from '../../src/sources/etcd/etcd-connection.ts'
import { answer, frame, range, startHostileEtcd } from '../support/hostile-etcd.ts'

const root = join(import.meta.dirname, '../..')
const poolFile = join(root, 'node_modules/etcd3/lib/connection-pool.js')
const pool = readFileSync(poolFile, 'utf8')

/** Returns the JSON that the plugin gives etcd3 in place of its `.proto`. */
function descriptorOf(plugin: ReturnType<typeof etcdDescriptor>) {
  const code = plugin.transform(pool, poolFile) ?? ''
  const [, json = ''] = /proto_loader_1\.fromJSON\)\((.*), \{$/m.exec(code) ?? []
  return JSON.parse(json)
}

test('the build gives etcd3 its .proto as JSON, with the three calls that are made and the types that they use', () => {
  const plugin = etcdDescriptor()
  const { nested } = descriptorOf(plugin)
  const { KV, Watch, Auth, ...types } = nested.etcdserverpb.nested
  expect([KV, Watch, Auth].flatMap(({ methods }) => Object.keys(methods))).toEqual(['Range', 'Watch', 'Authenticate'])
  expect(Object.keys(types)).toContain('RangeResponse')
  expect(Object.keys(types)).not.toContain('PutRequest')
  // Of what etcd sends, only the fields that are read. A request keeps all of its fields.
  expect(Object.keys(types.ResponseHeader.fields)).toEqual(['revision'])
  expect(Object.keys(types.WatchResponse.fields)).not.toContain('watch_id')
  expect(Object.keys(nested.mvccpb.nested.KeyValue.fields)).not.toContain('lease')
  expect(Object.keys(types.RangeRequest.fields)).toContain('serializable')
  expect(() => plugin.buildEnd()).not.toThrow()
})

test('the decoder that the build gives etcd3 reads the value of the sample event', () => {
  const type = protobuf.Root.fromJSON(descriptorOf(etcdDescriptor())).lookupType('etcdserverpb.WatchResponse')
  expect(type.decode(sampleEvent).toJSON()).toEqual({
    events: [{ kv: { value: Buffer.from('[').toString('base64') } }],
  })
})

test.each([
  ['0', ''],
  ['2', pool + pool],
])('the build fails if etcd3 reads its .proto in %s known places', (places, code) => {
  const plugin = etcdDescriptor()
  plugin.transform(code, poolFile)
  expect(() => plugin.buildEnd()).toThrow(`etcd3 reads its .proto in ${places} known places, and not in one`)
})

test('the build leaves out what proto-loader does for reflection, and fails if it has changed', () => {
  const file = join(root, 'node_modules/@grpc/proto-loader/build/src/index.js')
  const [loader, plugin, other] = [readFileSync(file, 'utf8'), withoutReflection(), withoutReflection()]
  const code = plugin.transform(loader, file)
  expect(code).not.toMatch(/protobufjs\/ext\/descriptor|toDescriptor|Descriptor\.\$type/)
  expect(() => plugin.buildEnd()).not.toThrow()
  other.transform(loader.replace('root.toDescriptor(', 'root.toDescriptors('), file)
  expect(() => other.buildEnd()).toThrow("does not have once: const descriptorList = root.toDescriptor('proto3').file;")
})

test('the build leaves out what proto-loader adds for .proto files that are parsed, and fails if it has changed', () => {
  const file = join(root, 'node_modules/@grpc/proto-loader/build/src/index.js')
  const [loader, plugin, other] = [readFileSync(file, 'utf8'), withoutParser(), withoutParser()]
  expect(plugin.transform(loader, file)).not.toContain('addCommonProtos')
  expect(() => plugin.buildEnd()).not.toThrow()
  other.transform(loader.replace('addCommonProtos', 'addProtos'), file)
  expect(() => other.buildEnd()).toThrow('does not have once: (0, util_1.addCommonProtos)();')
})

test('the build leaves out what is loaded and never used, and fails if one of the files is no longer loaded', () => {
  const plugin = withoutUnused()
  const transform = (file: string) => plugin.transform('', join(root, 'node_modules', file))
  expect(transform('etcd3/lib/lock.js')).toBe('module.exports = {}')
  expect(transform('cockatiel/dist/index.js')).toBe("module.exports = require('./errors/Errors')")
  expect(transform('etcd3/lib/watch.js')).toBeNull()
  for (const name of ['builder', 'election', 'lease', 'stm']) transform(`etcd3/lib/${name}.js`)
  for (const name of ['api', 'descriptor', 'source_context']) transform(`protobufjs/google/protobuf/${name}.json`)
  const last = ['bignumber.js/bignumber.js', 'protobufjs/google/protobuf/type.json']
  expect(() => plugin.buildEnd()).toThrow(`without-unused: no longer loaded: ${last.join(', ')}`)
  for (const file of last) transform(file)
  expect(() => plugin.buildEnd()).not.toThrow()
})

test('the build lets p-retry not read the time and not calculate a power, and fails if it has changed', () => {
  const file = join(root, 'node_modules/p-retry/index.js')
  const [code, plugin, other] = [readFileSync(file, 'utf8'), lightPRetry(), lightPRetry()]
  expect(plugin.transform(code, file)).not.toMatch(/performance\.now|2 \*\* 31/)
  expect(() => plugin.buildEnd()).not.toThrow()
  other.transform(code.replace('const startTime', 'let startTime'), file)
  expect(() => other.buildEnd()).toThrow('does not have once: const startTime = performance.now();')
})

test('the build lets long calculate without WebAssembly, and fails if it has changed', () => {
  const file = join(root, 'node_modules/long/umd/index.js')
  const [long, plugin, other] = [readFileSync(file, 'utf8'), withoutWebAssembly(), withoutWebAssembly()]
  expect(plugin.transform(long, file)).toContain('wasm = null && new WebAssembly.Instance(')
  expect(() => plugin.buildEnd()).not.toThrow()
  other.transform(long.replace('wasm = new', 'wasm ??= new'), file)
  expect(() => other.buildEnd()).toThrow('does not have once: wasm = new WebAssembly.Instance(')
})

test('the code of the built package is ASCII, which takes V8 half of the memory', () => {
  const files = readdirSync(join(root, 'dist')).filter((name) => /\.c?js$/.test(name))
  expect(files.length).toBeGreaterThan(10)
  const others = files.filter((name) => /[^\0-\x7F]/.test(readFileSync(join(root, 'dist', name), 'utf8')))
  expect(others).toEqual([])
})

test('the built package loses no digit of a revision', async () => {
  const largest = 2n ** 63n - 1n
  const endpoints = await startHostileEtcd({ onRange: answer(frame(range({ modRevision: largest }, largest))) })
  expect(await resolveApiserverAddresses({ endpoints, key: 'key' })).toMatchObject({ revision: String(largest) })
})

test('the built package contains the licence of every package that is bundled', () => {
  const text = readFileSync(join(root, 'dist/THIRD-PARTY-LICENSES'), 'utf8')
  const titles = [...text.matchAll(/^-{80}\n(\S+) (\S+) \(.+\)$/gm)].map(([, name = '']) => name)
  for (const name of [
    'etcd3',
    'cockatiel',
    '@grpc/proto-loader',
    'protobufjs',
    '@protobufjs/utf8',
    'long',
    'zod',
    'p-retry',
    'pino',
  ]) {
    expect(titles).toContain(name)
  }
  expect(new Set(titles).size).toBe(titles.length)
})
