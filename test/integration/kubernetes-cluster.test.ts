import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ResolveOptions } from '../../src/index.ts'
import { ObservedCall } from '../support/call.ts'
import { startEtcd } from '../support/etcd.ts'
import type { EtcdCluster } from '../support/etcd.ts'
import { KubeControlPlane } from '../support/kube-apiserver.ts'
import { expectNoLeaks } from '../support/no-leaks.ts'
import { ObservedWatch } from '../support/observed-watch.ts'

let etcd: EtcdCluster
let controlPlane: KubeControlPlane
beforeAll(async () => {
  etcd = await startEtcd()
  controlPlane = await KubeControlPlane.create({ etcd, advertise: ['10.0.0.11', '10.0.0.12', '10.0.0.13'] })
})
afterAll(async () => {
  await controlPlane?.[Symbol.asyncDispose]()
  await etcd?.[Symbol.asyncDispose]()
})

expectNoLeaks()

function options(more: ResolveOptions = {}): ResolveOptions {
  const { endpoints, files } = controlPlane
  return { source: 'kubernetes', dataDir: files.agentDataDir, endpoints, ...more }
}

// An apiserver needs seconds to start, so all tests have the same three. Each test leaves them running. On a busy machine,
// an apiserver that runs may be late with its lease for a moment, and then its address is missing, too.

const timeout = 180_000

test('resolve waits for three real kube-apiservers from before their first start', { timeout }, async () => {
  const call = new ObservedCall(options({ minAddresses: 3 }))
  await call.until('unreachable')
  await controlPlane.start()
  expect(await call.result).toMatchObject({ source: 'kubernetes', addresses: controlPlane.addresses })
  // How far the start has got when an attempt sees it differs, so any of these may be missing.
  const later = ['unreachable', 'timeout', 'unavailable', 'permission-denied', 'not-set', 'incomplete']
  expect(call.reasons.filter((reason) => !later.includes(reason))).toEqual([])
})

test('watch removes a real kube-apiserver of three that is killed, and adds it again', { timeout }, async () => {
  const [first, second, third] = controlPlane.apiservers
  const watch = new ObservedWatch({
    ...options({ endpoints: [first!.endpoint, third!.endpoint] }),
    shrinkDelayMs: 2000,
  })
  const { events } = watch
  expect(await watch.start()).toMatchObject({ addresses: controlPlane.addresses })
  await second!.kill()
  const removed = await events.until('changed', (change) => change.removed.includes(second!.address))
  expect(removed.addresses).not.toContain(second!.address)
  expect(events.types.indexOf('held')).toBeLessThan(events.types.indexOf('changed'))
  await second!.start()
  await events.until('changed', ({ added }) => added.includes(second!.address))
  expect(events.of('disconnected')).toEqual([])
})

test('watch keeps a real kube-apiserver of three that restarts within shrinkDelayMs', { timeout }, async () => {
  const [first, second, third] = controlPlane.apiservers
  const watch = new ObservedWatch({ ...options({ endpoints: first!.endpoint }), shrinkDelayMs: 600_000 })
  const { events } = watch
  await watch.start()
  // A clean stop takes the address off the list at once.
  await second!.stop()
  await events.until('held', ({ missing }) => missing.includes(second!.address))
  await second!.start()
  await third!.stop()
  // The second one is back, so that it is not missing together with the third one.
  const { missing } = await events.until('held', (held) => held.missing.includes(third!.address))
  expect(missing).not.toContain(second!.address)
  await third!.start()
  expect(events.of('changed')).toEqual([])
})

test('resolve reads the real kube-apiservers that an agent has saved, while its load balancer does not answer', async () => {
  const { files, apiservers } = controlPlane
  // With the port of an apiserver, and not of a supervisor, the address is used as it is.
  const servers = apiservers.map(({ endpoint }) => new URL(endpoint).host)
  await files.writeLoadBalancerServers(servers)
  const { agentDataDir: dataDir } = files
  const { source, addresses } = await new ObservedCall({ dataDir }).result
  expect({ source, addresses }).toEqual({ source: 'kubernetes', addresses: controlPlane.addresses })
})

test('resolve and watch move to another real kube-apiserver when theirs freezes', { timeout }, async () => {
  const [first, ...others] = controlPlane.apiservers
  const watch = new ObservedWatch({ ...options(), shrinkDelayMs: 600_000 })
  await watch.start()
  await first!.freeze()
  const call = new ObservedCall(options())
  expect((await call.result).addresses).toEqual(expect.arrayContaining(others.map(({ address }) => address)))
  await watch.events.until('connected')
  await first!.thaw()
  await first!.ready()
  expect(watch.events.of('changed')).toEqual([])
})
