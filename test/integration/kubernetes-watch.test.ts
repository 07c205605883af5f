import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { ResolveOptions, WatchOptions } from '../../src/index.ts'
import { ObservedCall } from '../support/call.ts'
import { startEtcd } from '../support/etcd.ts'
import type { EtcdCluster } from '../support/etcd.ts'
import type { EndpointSlice } from '../support/kube-apiserver-client.ts'
import { startKubeApiservers } from '../support/kube-apiserver.ts'
import type { KubeApiserver, KubeControlPlane } from '../support/kube-apiserver.ts'
import { startProxy } from '../support/net.ts'
import { expectNoLeaks } from '../support/no-leaks.ts'
import { ObservedWatch } from '../support/observed-watch.ts'

const [a, b, c] = ['10.0.0.1', '10.0.0.2', '10.0.0.3'] as const
const at = (...hosts: string[]) => hosts.map((host) => `${host}:6443`)

// The apiserver writes no slice itself, so that a test has all of them.
let etcd: EtcdCluster
let controlPlane: KubeControlPlane
let apiserver: KubeApiserver
beforeAll(async () => {
  etcd = await startEtcd()
  controlPlane = await startKubeApiservers({ etcd, keepsSlice: false })
  apiserver = controlPlane.apiservers[0]!
})
afterAll(async () => {
  await controlPlane?.[Symbol.asyncDispose]()
  await etcd?.[Symbol.asyncDispose]()
})

const names = ['kubernetes', 'kubernetes-2', 'kubernetes-ipv6'] as const
afterEach(async () => {
  for (const name of names) await apiserver.admin.deleteSlice(name)
})

expectNoLeaks()

const put = (slice: EndpointSlice, name: (typeof names)[number] = 'kubernetes') => apiserver.admin.putSlice(name, slice)

/** Returns a slice as an apiserver writes it. */
function sliceOf(...hosts: string[]): EndpointSlice {
  const endpoints = hosts.map((host) => ({ addresses: [host], conditions: { ready: true } }))
  return { endpoints, ports: [{ name: 'https', port: 6443 }] }
}

function options(more: ResolveOptions = {}): ResolveOptions {
  const { endpoints, files } = controlPlane
  return { source: 'kubernetes', dataDir: files.agentDataDir, endpoints, ...more }
}

test('resolve waits for the first slice of a real kube-apiserver as not-set, and the write ends the wait', async () => {
  const call = new ObservedCall(options({ retry: { maxDelayMs: 60_000, initialDelayMs: 60_000 } }))
  await call.until('not-set')
  const revision = await put(sliceOf(a))
  expect(await call.result).toMatchObject({ source: 'kubernetes', addresses: at(a), revision })
})

test('watch yields each change of the slices of a real kube-apiserver', async () => {
  const first = await put(sliceOf(a))
  const { watch, events } = observe({ shrinkDelayMs: 1 })
  expect(await watch.start()).toMatchObject({ addresses: at(a), revision: first, source: 'kubernetes' })
  const second = await put(sliceOf(c, a))
  expect(await watch.next()).toMatchObject({ addresses: at(a, c), added: at(c), removed: [], revision: second })
  await put(sliceOf(a))
  expect(await watch.next()).toMatchObject({ addresses: at(a), added: [], removed: at(c) })
  expect(events.of('disconnected')).toEqual([])
})

test('watch yields the ready endpoints of several slices of a real kube-apiserver, IPv6 included', async () => {
  await put(sliceOf(a))
  const { watch } = observe()
  await watch.start()
  await put({ ...sliceOf('fd00::4'), addressType: 'IPv6' }, 'kubernetes-ipv6')
  expect(await watch.next()).toMatchObject({ addresses: ['10.0.0.1:6443', '[fd00::4]:6443'] })
  const ports = [
    { name: 'metrics', port: 9100 },
    { name: 'https', port: 7443 },
  ]
  const endpoints = [
    { addresses: [b], conditions: { ready: true } },
    { addresses: [c], conditions: { ready: false } },
  ]
  await put({ endpoints, ports }, 'kubernetes-2')
  expect(await watch.next()).toMatchObject({ added: [`${b}:7443`] })
})

test('watch keeps its list when the slices of a real kube-apiserver are deleted', async () => {
  await put(sliceOf(a, b))
  const { watch, events } = observe({ shrinkDelayMs: 1 })
  await watch.start()
  await apiserver.admin.deleteSlice('kubernetes')
  await events.until('ignored')
  await put(sliceOf(a, b, c))
  expect(await watch.next()).toMatchObject({ addresses: at(a, b, c), added: at(c), removed: [] })
})

test('watch follows a real kube-apiserver that is killed and started again', async () => {
  await put(sliceOf(a))
  const { watch, events } = observe()
  await watch.start()
  await apiserver.kill()
  await events.until('disconnected')
  await apiserver.start()
  await events.until('connected')
  await put(sliceOf(a, b))
  expect(await watch.next()).toMatchObject({ addresses: at(a, b), added: at(b) })
  expect(events.of('resynced')).toEqual([])
})

test('watch follows a real kube-apiserver whose history was compacted while it could not be reached', async () => {
  await put(sliceOf(a))
  await using proxy = await startProxy(apiserver.endpoint)
  const { watch, events } = observe({ endpoints: `https://localhost:${proxy.port}` })
  await watch.start()
  await proxy.refuse()
  proxy.reset()
  await events.until('disconnected')
  await put(sliceOf(a, b))
  await etcd.compact()
  await apiserver.kill()
  await apiserver.start()
  await proxy.pass()
  expect(await watch.next()).toMatchObject({ addresses: at(a, b), added: at(b) })
})

test('watch finds that a real kube-apiserver is frozen, and follows it when it goes on', async () => {
  await put(sliceOf(a))
  const { watch, events } = observe()
  await watch.start()
  await apiserver.freeze()
  await events.until('disconnected')
  await apiserver.thaw()
  await events.until('connected')
  await put(sliceOf(a, b))
  expect(await watch.next()).toMatchObject({ added: at(b) })
})

function observe(more: WatchOptions = {}) {
  const watch = new ObservedWatch({ ...options(), ...more })
  return { watch, events: watch.events }
}
