import { X509Certificate } from 'node:crypto'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { defaultTlsFiles } from '../../src/rke2.ts'
import { Cluster } from './support/cluster.ts'
import type { Node } from './support/cluster.ts'
import { resolveOn } from './support/command.ts'
import { ControllerProgram } from './support/controller-program.ts'
import { NodeWatch } from './support/node-watch.ts'
import { printEvents } from './support/print-events.ts'

// The watches run from before the first boot to the end. Each test leaves the cluster with three servers.

let cluster: Cluster
let watches: readonly NodeWatch[]
beforeAll(async () => {
  cluster = await Cluster.create('etcd', 3, 1)
  const complete = { minAddresses: 3 }
  watches = [
    ...cluster.servers.map((node) => new NodeWatch(node, { ...node.options, ...complete })),
    ...cluster.nodes.map((node) => new NodeWatch(node, { ...node.kubernetesOptions, ...complete })),
    ...cluster.agents.map((node) => new NodeWatch(node, { ...node.options, ...complete })),
  ]
})
afterAll(async () => {
  await Promise.all(watches?.map((watch) => watch[Symbol.asyncDispose]()) ?? [])
  await cluster?.[Symbol.asyncDispose]()
})
beforeEach(({ task }) => {
  for (const { events } of watches) events.clear()
  cluster.logOnFailure()
  printEvents(task.name, watches)
})

/** Waits until every watch has this list. */
const untilAllHave = (addresses: readonly string[]): Promise<unknown> =>
  Promise.all(watches.map((watch) => watch.untilList(addresses)))

/** Waits until the watches that are not on these nodes have this list. */
const untilOthersHave = (addresses: readonly string[], nodes: readonly Node[]): Promise<unknown> =>
  Promise.all(watches.filter(({ node }) => !nodes.includes(node)).map((watch) => watch.untilList(addresses)))

/** The events of all watches that show more than a change of the list: another history, or the end of a watch. */
const unexpected = (): object[] =>
  watches.flatMap(({ events }) => [...events.of('resynced'), ...events.of('failed'), ...events.of('closed')])

const without = (...nodes: readonly Node[]): string[] =>
  cluster.addresses.filter((address) => nodes.every((node) => node.address !== address))

test('every watch on K3s gets the complete list, from before the first boot of three servers and an agent', async () => {
  await Promise.all(watches.map((watch) => watch.until('retry')))
  await cluster.start()
  const first = await Promise.all(watches.map((watch) => watch.until('resolved')))
  for (const { addresses } of first) expect(addresses).toEqual(cluster.addresses)
  // Without the option source: etcd on servers, the EndpointSlices on agents.
  const sources = watches.map(({ source }) => source)
  expect(sources).toEqual(['etcd', 'etcd', 'etcd', ...Array.from({ length: 5 }, () => 'kubernetes')])
  await Promise.all(watches.map((watch) => watch.until('connected')))
})

test('the command on each node of K3s prints the same list, and on each server the same revision of the key', async () => {
  const lists = await Promise.all(cluster.nodes.map((node) => resolveOn(node, node.options, '--min', '3')))
  for (const { addresses } of lists) expect(addresses).toEqual(cluster.addresses)
  const fromSlices = cluster.nodes.map((node) => resolveOn(node, node.kubernetesOptions, '--min', '3'))
  for (const { addresses, source } of await Promise.all(fromSlices)) {
    expect({ addresses, source }).toEqual({ addresses: cluster.addresses, source: 'kubernetes' })
  }
  // K3s may write the same list again between the reads of two servers.
  const revisions = async () => {
    const read = await Promise.all(cluster.servers.map((node) => resolveOn(node, node.options)))
    return new Set(read.map(({ revision }) => revision)).size
  }
  await expect.poll(revisions, { timeout: 60_000 }).toBe(1)
})

test('every watch on K3s removes a server that is killed, and adds it again', async () => {
  const [, , third] = cluster.servers as [Node, Node, Node]
  await third.host.kill()
  await untilOthersHave(without(third), [third])
  await third.start()
  await untilAllHave(cluster.addresses)
  expect(unexpected()).toEqual([])
})

test('watches on K3s keep a list while etcd has no quorum, and follow it afterwards', async () => {
  const [first, second, third] = cluster.servers as [Node, Node, Node]
  await Promise.all([second.host.kill(), third.host.kill()])
  const onFirst = watches.filter(({ node }) => node === first)
  await Promise.all(onFirst.map((watch) => watch.until('disconnected')))
  for (const { addresses } of onFirst) expect(addresses).toContain(first.address)
  for (const { events } of onFirst) events.clear()
  await Promise.all([second.start(), third.start()])
  await Promise.all(onFirst.map((watch) => watch.until('connected')))
  await untilAllHave(cluster.addresses)
})

test('the controller of examples/controller moves to another server of K3s when the one that it uses is killed', async () => {
  const [first, second] = cluster.servers as [Node, Node]
  // It uses the first server in the list, unless that one does not answer.
  await resolveOn(second, second.options, '--min', '3', '--probe', 'readyz')
  await using controller = new ControllerProgram(second)
  await controller.untilLogged(({ msg }) => msg === 'reconciled')
  await first.host.kill()
  await controller.untilLogged(({ msg, from }) => msg === 'trying the next apiserver' && from === first.address)
  controller.clear()
  await controller.untilLogged(({ msg }) => msg === 'reconciled')
  await untilOthersHave(without(first), [first])
  await first.start()
  await untilAllHave(cluster.addresses)
  expect(unexpected()).toEqual([])
})

test('watches on a server of K3s follow the list with the certificates that "k3s certificate rotate" has made', async () => {
  const [, second] = cluster.servers as [Node, Node]
  const { certFile } = defaultTlsFiles(second.host.dataDir)
  const serialNumber = async () => new X509Certificate(await readFile(certFile)).serialNumber
  const before = await serialNumber()
  // The watch of the EndpointSlices may use another server, and then this restart does not concern it.
  const ofKey = watches.find(({ node, source }) => node === second && source === 'etcd')!
  await second.host.stop()
  await ofKey.until('disconnected')
  ofKey.events.clear()
  await second.host.run(['certificate', 'rotate', '--data-dir', second.host.dataDir])
  await second.start()
  await ofKey.until('connected')
  await untilAllHave(cluster.addresses)
  expect(await serialNumber()).not.toBe(before)
})

test('every watch on K3s follows "k3s server --cluster-reset", and the servers that join again', async () => {
  const [first, ...others] = cluster.servers as [Node, Node, Node]
  for (const { host } of cluster.servers) await host.stop()
  expect(await first.runOnce('--cluster-reset')).toContain('cluster membership has been reset')
  await first.start()
  await untilOthersHave([first.address], others)
  // A server that was removed joins with an empty store.
  for (const { host } of others) await rm(join(host.dataDir, 'server', 'db'), { recursive: true })
  await Promise.all(others.map((node) => node.start()))
  await untilAllHave(cluster.addresses)
  expect(watches.flatMap(({ events }) => events.of('failed'))).toEqual([])
})
