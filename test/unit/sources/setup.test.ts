import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { parseOptions } from '../../../src/call/config.ts'
import { defaultTlsFiles, kubeProxyFiles, serviceAccountCaFile, serviceAccountTokenFile } from '../../../src/rke2.ts'
import type { Distribution } from '../../../src/rke2.ts'
import { chooseSetup, describeUndecided, isDecidedByOptions, isSameSetup } from '../../../src/sources/setup.ts'
import type { Setup } from '../../../src/sources/setup.ts'
import type { SourceKind } from '../../../src/sources/source.ts'
import { endpointOf } from '../../support/endpoint.ts'
import { existsAmong, sourceOptions } from '../../support/setup.ts'

const rke2Dir = '/var/lib/rancher/rke2'
const k3sDir = '/var/lib/rancher/k3s'
const agentKey = 'agent/client-kube-proxy.key'
const tokenFile = '/etc/token'
const tls = { caFile: '/etc/ca', certFile: '/etc/cert', keyFile: '/etc/key' }

const inPod = (host: string | undefined, port?: string) => {
  vi.stubEnv('KUBERNETES_SERVICE_HOST', host)
  vi.stubEnv('KUBERNETES_SERVICE_PORT', port)
}

beforeEach(() => inPod(undefined))
afterEach(() => {
  vi.unstubAllEnvs()
})

/** Chooses on a node with these files: absolute paths, or paths in RKE2's data directory. */
const choose = (files: readonly string[], options: Parameters<typeof sourceOptions>[0] = {}): Promise<Setup> =>
  chooseSetup(sourceOptions(options), existsAmong(files.map((file) => (file[0] === '/' ? file : `${rke2Dir}/${file}`))))

const urls = (setup: Setup) => ('endpoints' in setup ? setup.endpoints.map(({ url }) => url) : undefined)

test.each<[node: string, kind: SourceKind | undefined, files: string[]]>([
  ['a server with embedded etcd', 'etcd', ['server/db/etcd/member']],
  ['a server with embedded etcd and the files of its agent', 'etcd', ['server/db/etcd/member', agentKey]],
  [
    'a control-plane-only server',
    'etcd',
    ['server/etc/rke2-etcd-server-load-balancer.json', 'server/tls/etcd/client.key', agentKey],
  ],
  ['an agent', 'kubernetes', [agentKey]],
  ['a server with another datastore', 'kubernetes', [agentKey, 'server/tls/etcd/client.key', 'server/db/state.db']],
  ['a Pod that mounts only the files of etcd', 'etcd', ['server/tls/etcd/client.key']],
  ['a node in its first second', undefined, ['server/tls/etcd/server-ca.crt', 'agent/server-ca.crt']],
  ['a node without files', undefined, []],
  ["a node with K3s's load balancer in RKE2's folder", undefined, ['server/etc/k3s-etcd-server-load-balancer.json']],
])('chooseSetup with auto on %s chooses the source %s', async (_node, kind, files) => {
  expect(await choose(files, { distribution: 'rke2' })).toMatchObject({ kind, distribution: 'rke2', dataDir: rke2Dir })
})

test('chooseSetup with auto finds the load balancer of a control-plane-only server of K3s', async () => {
  const file = `${k3sDir}/server/etc/k3s-etcd-server-load-balancer.json`
  expect(await choose([file])).toMatchObject({ kind: 'etcd', distribution: 'k3s', key: 'k3s/apiaddresses' })
})

test('chooseSetup with auto looks in the option dataDir and nowhere else', async () => {
  expect(await choose(['/data/server/db/etcd'], { dataDir: '/data' })).toMatchObject({ kind: 'etcd', dataDir: '/data' })
  expect(await choose(['server/db/etcd', agentKey], { dataDir: '/data' })).toMatchObject({ kind: undefined })
})

test.each<[found: string, distribution: Distribution, files: string[]]>([
  ['only the folder of RKE2', 'rke2', [rke2Dir]],
  ['only the folder of K3s', 'k3s', [k3sDir]],
  ['the folders of both', 'rke2', [rke2Dir, k3sDir]],
  ['no folder', 'rke2', []],
])('chooseSetup without dataDir and with %s chooses the distribution %s', async (_found, distribution, files) => {
  const dataDir = distribution === 'k3s' ? k3sDir : rke2Dir
  expect(await choose(files)).toMatchObject({ distribution, dataDir })
  const key = `${distribution}/apiaddresses`
  const expected = { kind: 'etcd', distribution, dataDir, key, tls: defaultTlsFiles(dataDir) }
  expect(await choose(files, { source: 'etcd' })).toMatchObject(expected)
})

test.each<[dataDir: string, files: string[], distribution: Distribution]>([
  ['/data', ['/data/server/tls/client-k3s-controller.key'], 'k3s'],
  ['/data', ['/data/agent/k3scontroller.kubeconfig'], 'k3s'],
  ['/data', ['/data/agent/etc/k3s-agent-load-balancer.json'], 'k3s'],
  ['/data/k3s', [], 'k3s'],
  ['/data/k3s/', [], 'k3s'],
  ['/data', [], 'rke2'],
  ['/data/k3s-old', [], 'rke2'],
  ['/data', [k3sDir, '/data/server/db/etcd'], 'rke2'],
])('chooseSetup with dataDir %s and the files %j chooses the distribution %s', async (dataDir, files, distribution) => {
  expect(await choose(files, { dataDir })).toMatchObject({ distribution, dataDir })
})

test.each<[distribution: Distribution, files: string[]]>([
  ['rke2', [k3sDir, '/data/agent/k3scontroller.kubeconfig']],
  ['k3s', [rke2Dir]],
])('chooseSetup uses the option distribution %s, whatever files there are', async (distribution, files) => {
  const dataDir = distribution === 'k3s' ? k3sDir : rke2Dir
  expect(await choose(files, { distribution })).toMatchObject({ distribution, dataDir })
  expect(await choose(files, { distribution, dataDir: '/data' })).toMatchObject({ distribution, dataDir: '/data' })
})

test.each([
  ['tls', { tls }],
  ['endpoints without TLS', { endpoints: [endpointOf('http://etcd:2379')] }],
] as const)('chooseSetup looks at no file for etcd with key and %s', async (_title, options) => {
  const exists = vi.fn<() => Promise<boolean>>()
  const setup = await chooseSetup(sourceOptions({ source: 'etcd', key: 'list', ...options }), exists)
  expect(setup).toMatchObject({ kind: 'etcd', key: 'list', usesDataDir: false })
  expect(exists).not.toHaveBeenCalled()
})

test('chooseSetup for etcd has the endpoints and files of the node by default', async () => {
  const setup = await choose([], { source: 'etcd' })
  expect(setup).toMatchObject({ tls: defaultTlsFiles(rke2Dir), usesDataDir: true, key: 'rke2/apiaddresses' })
  expect(urls(setup)).toEqual(['https://127.0.0.1:2379', 'https://[::1]:2379'])
})

test.each([
  ['tls', { tls }, { tls, usesDataDir: false }],
  ['endpoints with TLS', { endpoints: [endpointOf('https://etcd:2379')] }, { usesDataDir: true }],
  ['endpoints without TLS', { endpoints: [endpointOf('http://etcd:2379')] }, { usesDataDir: false }],
  ['key', { key: 'list' }, { key: 'list', usesDataDir: true }],
] as const)('chooseSetup for etcd uses the option %s', async (_option, options, expected) => {
  expect(await choose([], { source: 'etcd', ...options })).toMatchObject({ ...options, ...expected })
})

test.each<[distribution: Distribution, expected: string[]]>([
  ['rke2', ['https://127.0.0.1:6443', 'https://[::1]:6443']],
  ['k3s', ['https://127.0.0.1:6444', 'https://127.0.0.1:6443', 'https://[::1]:6444', 'https://[::1]:6443']],
])("chooseSetup for kubernetes on a node of %s has the node's endpoints and files", async (distribution, expected) => {
  const dataDir = distribution === 'k3s' ? k3sDir : rke2Dir
  const setup = await choose([`${dataDir}/${agentKey}`])
  const files = { tls: kubeProxyFiles(dataDir), tokenFile: undefined }
  expect(setup).toMatchObject({ kind: 'kubernetes', ...files, isPod: false, readsServers: true })
  expect(urls(setup)).toEqual(expected)
})

test('chooseSetup for kubernetes uses no client certificate of the node with tokenFile', async () => {
  const { caFile } = kubeProxyFiles(rke2Dir)
  const setup = await choose([agentKey], { source: 'kubernetes', tokenFile })
  expect(setup).toMatchObject({ tls: { caFile }, tokenFile, isPod: false })
  expect(setup).not.toHaveProperty('tls.certFile')
})

test('chooseSetup for kubernetes uses the options tls and tokenFile together', async () => {
  expect(await choose([], { source: 'kubernetes', tls, tokenFile })).toMatchObject({ tls, tokenFile })
})

test('chooseSetup for kubernetes reads only the endpoints of the option', async () => {
  const endpoints = [endpointOf('https://apiserver:6443')] as const
  expect(await choose([agentKey], { source: 'kubernetes', endpoints })).toMatchObject({
    endpoints,
    tls: kubeProxyFiles(rke2Dir),
    readsServers: false,
  })
})

test.each([
  ['IPv4', '10.43.0.1', '443', 'https://10.43.0.1:443'],
  ['IPv6', 'fd00:43::1', '443', 'https://[fd00:43::1]:443'],
  ['another port', '10.43.0.1', '6443', 'https://10.43.0.1:6443'],
  ['no port', '10.43.0.1', undefined, 'https://10.43.0.1:443'],
  ['an empty port', '10.43.0.1', '', 'https://10.43.0.1:443'],
])('chooseSetup in a Pod uses the ServiceAccount and the service host (%s)', async (_title, host, port, url) => {
  inPod(host, port)
  const setup = await choose([serviceAccountTokenFile])
  expect(setup).toMatchObject({ kind: 'kubernetes', tls: { caFile: serviceAccountCaFile }, isPod: true })
  expect(setup).toMatchObject({ tokenFile: serviceAccountTokenFile, readsServers: true })
  expect(urls(setup)).toEqual([url])
})

test.each([
  ['no service host', undefined, [serviceAccountTokenFile]],
  ['an empty service host', '', [serviceAccountTokenFile]],
  ['a service host that is no host', 'a b', [serviceAccountTokenFile]],
  ['no token', '10.43.0.1', [serviceAccountCaFile]],
])('chooseSetup takes a process with %s for no Pod', async (_title, host, files) => {
  inPod(host)
  expect(await choose(files)).toMatchObject({ kind: undefined })
  expect(urls(await choose(files, { source: 'kubernetes' }))).toEqual(['https://127.0.0.1:6443', 'https://[::1]:6443'])
})

test('chooseSetup uses the files of the node in a Pod that has these and a ServiceAccount', async () => {
  inPod('10.43.0.1')
  const setup = await choose([serviceAccountTokenFile, agentKey])
  const expected = { kind: 'kubernetes', tls: kubeProxyFiles(rke2Dir), tokenFile: undefined, isPod: false }
  expect(setup).toMatchObject(expected)
  expect(urls(setup)).toEqual(['https://127.0.0.1:6443', 'https://[::1]:6443'])
})

test('chooseSetup with auto uses etcd in a Pod that has the files of etcd and a ServiceAccount', async () => {
  inPod('10.43.0.1')
  expect(await choose([serviceAccountTokenFile, 'server/tls/etcd/client.key'])).toMatchObject({ kind: 'etcd' })
})

test.each([
  ['tokenFile', { tokenFile }, { tokenFile, tls: { caFile: serviceAccountCaFile } }],
  ['tls with a client certificate', { tls }, { tokenFile: undefined, tls }],
  ['tls with caFile alone', { tls: { caFile: '/etc/ca' } }, { tokenFile: serviceAccountTokenFile }],
  [
    'endpoints',
    { endpoints: [endpointOf('https://a:1')] },
    { readsServers: false, tokenFile: serviceAccountTokenFile },
  ],
] as const)('chooseSetup in a Pod uses the option %s', async (_option, options, expected) => {
  inPod('10.43.0.1')
  const setup = await choose([serviceAccountTokenFile], { source: 'kubernetes', ...options })
  expect(setup).toMatchObject({ isPod: true, ...options, ...expected })
})

test.each(['etcd', 'kubernetes'] as const)('chooseSetup for %s says whether dataDir is an option', async (source) => {
  expect(await choose([], { source })).toMatchObject({ isDataDirGiven: false })
  expect(await choose([], { source, dataDir: rke2Dir })).toMatchObject({ isDataDirGiven: true })
})

test.each([
  ['no option', true, {}],
  ['endpoints', true, { endpoints: [endpointOf('https://a:1')] }],
  ['tls', false, { tls }],
  ['tokenFile', false, { tokenFile }],
] as const)('chooseSetup for kubernetes on a node with %s has usesNodeFiles %s', async (_title, expected, options) => {
  expect(await choose([agentKey], { source: 'kubernetes', ...options })).toMatchObject({ usesNodeFiles: expected })
})

test.each([
  ['no option', true, {}],
  ['tls and tokenFile', true, { tls, tokenFile }],
  ['endpoints', false, { endpoints: [endpointOf('https://127.0.0.1:6443')] }],
] as const)('chooseSetup for kubernetes on a node with %s has usesNodeEndpoints %s', async (...row) => {
  const [, expected, options] = row
  expect(await choose([agentKey], { source: 'kubernetes', ...options })).toMatchObject({ usesNodeEndpoints: expected })
})

test('chooseSetup for kubernetes in a Pod uses no file and no endpoint of the node', async () => {
  inPod('10.43.0.1')
  const expected = { isPod: true, usesNodeFiles: false, usesNodeEndpoints: false }
  expect(await choose([serviceAccountTokenFile])).toMatchObject(expected)
})

test('describeUndecided names every file that was looked for', async () => {
  const setup = await choose([k3sDir])
  if (setup.kind !== undefined) throw new Error(`${setup.kind} was chosen`)
  expect(describeUndecided(setup)).toBe(
    `none of ${k3sDir}/server/db/etcd, ${k3sDir}/server/etc/k3s-etcd-server-load-balancer.json, ` +
      `${k3sDir}/agent/client-kube-proxy.key and ${k3sDir}/server/tls/etcd/client.key exists yet, ` +
      `and this is no Pod with a ServiceAccount`,
  )
})

test('isSameSetup compares kind, files and endpoints', async () => {
  const agent = await choose([agentKey])
  expect(isSameSetup(agent, await choose([agentKey]))).toBe(true)
  expect(isSameSetup(agent, await choose([agentKey, 'server/db/etcd']))).toBe(false)
  expect(isSameSetup(agent, await choose([`${k3sDir}/${agentKey}`]))).toBe(false)
  expect(isSameSetup(agent, await choose([]))).toBe(false)
})

test.each([
  [{ source: 'etcd', distribution: 'k3s' }, true],
  [{ source: 'etcd', key: 'a', tls: { caFile: 'a' } }, true],
  [{ source: 'etcd', key: 'a', endpoints: ['http://a:1'] }, true],
  [{ source: 'etcd', key: 'a', endpoints: ['https://a:1'] }, false],
  [{ source: 'etcd', tls: { caFile: 'a' } }, false],
  [{ source: 'kubernetes', distribution: 'k3s' }, false],
  [{}, false],
])('isDecidedByOptions of %j is %s', (options, decided) => {
  expect(isDecidedByOptions(parseOptions(options, 'resolve'))).toBe(decided)
})
