import { expect, onTestFinished, test } from 'vitest'
import { parseEndpoints } from '../../../../src/addresses/endpoint.ts'
import { parseOptions } from '../../../../src/call/config.ts'
import { resolve } from '../../../../src/resolve.ts'
import { agentLoadBalancerFiles } from '../../../../src/rke2.ts'
import type { Distribution } from '../../../../src/rke2.ts'
import { KubernetesSource } from '../../../../src/sources/kubernetes/kubernetes-source.ts'
import type { KubernetesSourceOptions } from '../../../../src/sources/kubernetes/kubernetes-source.ts'
import { serverEndpoints } from '../../../../src/sources/kubernetes/server-endpoints.ts'
import { Watch } from '../../../../src/watch.ts'
import { VirtualClock } from '../../../support/clock.ts'
import { agentSetup } from '../../../support/kubernetes/agent-setup.ts'
import { startFakeApiserver } from '../../../support/kubernetes/fake-apiserver.ts'
import type { FakeApiserver } from '../../../support/kubernetes/fake-apiserver.ts'
import { VirtualWatch } from '../../../support/kubernetes/follow.ts'
import { startLoadBalancer } from '../../../support/kubernetes/load-balancer.ts'
import { write, writeLoadBalancerFile, writeNodeFiles } from '../../../support/kubernetes/node-files.ts'
import { SliceStore } from '../../../support/kubernetes/slice-store.ts'
import { clusterAuthorities } from '../../../support/kubernetes/start.ts'
import { expectNoLeaks } from '../../../support/no-leaks.ts'
import { Recorder } from '../../../support/recorder.ts'

expectNoLeaks()

const never = new AbortController().signal
const valueOf = (...addresses: string[]) => Buffer.from(JSON.stringify(addresses))

const urls = async (value: Uint8Array | undefined, setup: KubernetesSourceOptions) =>
  (await serverEndpoints(value, setup, never)).map(({ url }) => url)

test('serverEndpoints returns the apiservers of the last list', async () => {
  const setup = agentSetup()
  await writeLoadBalancerFile(setup.dataDir, 'rke2', ['10.0.0.9:9345'])
  expect(await urls(valueOf('10.0.0.1:6443', '[fd00::2]:7443'), setup)).toEqual([
    'https://10.0.0.1:6443',
    'https://[fd00::2]:7443',
  ])
})

test.each<[Distribution, number, string[], string[]]>([
  ['rke2', 1, ['10.0.0.1:9345', '[fd00::2]:9345'], ['https://10.0.0.1:6443', 'https://[fd00::2]:6443']],
  ['rke2', 0, ['10.0.0.1:6443'], ['https://10.0.0.1:6443']],
  ['k3s', 1, ['10.0.0.1:6443', '10.0.0.2:7443'], ['https://10.0.0.1:6443', 'https://10.0.0.2:7443']],
])('serverEndpoints returns the servers that the load balancer of %s has saved in file %i', async (...row) => {
  const [distribution, index, servers, expected] = row
  const setup = agentSetup(distribution)
  await write(agentLoadBalancerFiles(setup.dataDir, distribution)[index]!, JSON.stringify({ ServerAddresses: servers }))
  expect(await urls(undefined, setup)).toEqual(expected)
})

test.each([
  ['is missing', undefined],
  ['is empty', ''],
  ['is half-written', '{"ServerURL":"https://10'],
  ['has no servers', '{"ServerAddresses":null}'],
  ['has servers that are none', '{"ServerAddresses":[1,"","a b"]}'],
])('serverEndpoints returns nothing when the file of the load balancer %s', async (_title, content) => {
  const setup = agentSetup()
  if (content !== undefined) await write(agentLoadBalancerFiles(setup.dataDir, 'rke2')[1]!, content)
  expect(await urls(undefined, setup)).toEqual([])
})

/** Starts apiservers of one store behind a load balancer, and returns the setup of an agent. */
async function startAgent(count: number) {
  const store = new SliceStore()
  const authorities = await clusterAuthorities()
  const servers: FakeApiserver[] = []
  for (let index = 0; index < count; index++) {
    const server = await startFakeApiserver(authorities, { store })
    onTestFinished(() => server[Symbol.asyncDispose]())
    servers.push(server)
  }
  // The addresses of the list are those of the apiservers of this test.
  const setList = (listed: readonly FakeApiserver[] = servers) => {
    for (const [index, server] of servers.entries()) {
      const port = Number(server.address.split(':')[1])
      if (listed.includes(server)) store.setSlice(`server-${index}`, { addresses: ['127.0.0.1'], ports: [{ port }] })
      else store.deleteSlice(`server-${index}`)
    }
  }
  const balancer = await startLoadBalancer(...servers.map(({ address }) => address))
  onTestFinished(() => balancer[Symbol.asyncDispose]())
  const setup = { ...agentSetup(), endpoints: parseEndpoints([balancer.url], 6443) }
  await writeNodeFiles(setup.dataDir, authorities)
  return { servers, store, setList, balancer, setup }
}

test('resolve reads the servers that the load balancer has saved when the load balancer closes each connection', async () => {
  const { servers, setList, balancer, setup } = await startAgent(2)
  setList()
  balancer.servers = []
  await writeLoadBalancerFile(setup.dataDir, 'rke2', [servers[1]!.address])
  const clock = new VirtualClock()
  const config = parseOptions({}, 'resolve')
  const { addresses } = await resolve(config, clock, new KubernetesSource(setup, clock))
  expect(addresses).toHaveLength(2)
  expect([servers[0]!.lists, servers[1]!.lists]).toEqual([0, 1])
})

test('resolve reads the saved servers when the server behind the load balancer has been silent for 3 s', async () => {
  const { servers, setList, setup } = await startAgent(3)
  const [frozen, ...others] = servers
  setList()
  await frozen!.freeze()
  await writeLoadBalancerFile(
    setup.dataDir,
    'rke2',
    servers.map(({ address }) => address),
  )
  const clock = new VirtualClock()
  const call = resolve(parseOptions({}, 'resolve'), clock, new KubernetesSource(setup, clock))
  await expect.poll(() => frozen!.connections).toBe(1)
  await clock.advance(2999)
  expect(others.map(({ connections }) => connections)).toEqual([0, 0])
  await clock.advance(1)
  // The first saved server is the frozen one, and the next is read half a second later.
  await expect.poll(() => frozen!.connections).toBe(2)
  await clock.advance(500)
  expect((await call).addresses).toHaveLength(3)
})

test('watch follows the list within 20 s when the server that the load balancer keeps to freezes', async () => {
  const { servers, setList, setup } = await startAgent(3)
  const [frozen, ...others] = servers
  setList()
  const clock = new VirtualClock()
  const events = new Recorder()
  const config = parseOptions({ events: events.emitter, shrinkDelayMs: 0 }, 'watch')
  const watch = new Watch(config, clock, new KubernetesSource(setup, clock))
  onTestFinished(() => watch.close())
  await watch.next()
  await events.until('connected')
  await expect.poll(() => frozen!.watches).toBe(1)
  await frozen!.freeze()
  setList(others)
  const change = watch.next()
  const startedAt = clock.now()
  // A ping after 10 s has no answer for 5 s.
  await clock.advance(15_000)
  const connections = frozen!.connections
  await clock.advance((await events.until('retry')).delayMs)
  // The load balancer sends the new connection to the same server.
  await expect.poll(() => frozen!.connections).toBe(connections + 1)
  await clock.advance(3000)
  // The first of the known servers is the frozen one again, and the next is read half a second later.
  await expect.poll(() => frozen!.connections).toBe(connections + 2)
  await clock.advance(500)
  await events.until('changed')
  expect((await change).value?.removed).toEqual([frozen!.address])
  expect(clock.now() - startedAt).toBeLessThan(20_000)
  expect(events.of('disconnected')[0]?.error.message).toMatch(/lost \(a ping had no answer for 5 s\)/)
})

test('watch reads a server that an event has added when the server behind the load balancer freezes', async () => {
  const { servers, setList, setup } = await startAgent(2)
  const [frozen, other] = servers
  setList([frozen!])
  const watch = new VirtualWatch({}, (clock) => new KubernetesSource(setup, clock))
  await watch.start()
  await expect.poll(() => frozen!.watches).toBe(1)
  setList()
  await watch.events.until('changed')
  await frozen!.freeze()
  await watch.advanceUntil('disconnected')
  await watch.advanceUntil('connected')
  expect(other!.lists).toBe(1)
})
