import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { Cluster } from './support/cluster.ts'
import type { Node } from './support/cluster.ts'
import { resolveOn } from './support/command.ts'
import { NodeWatch } from './support/node-watch.ts'
import { printEvents } from './support/print-events.ts'

let cluster: Cluster
let node: Node
let slices: NodeWatch
let key: NodeWatch
beforeAll(async () => {
  cluster = await Cluster.create('sqlite', 1, 0)
  node = cluster.servers[0]!
  slices = new NodeWatch(node, node.options)
  key = new NodeWatch(node, { ...node.options, source: 'etcd' })
})
afterAll(async () => {
  await slices?.[Symbol.asyncDispose]()
  await key?.[Symbol.asyncDispose]()
  await cluster?.[Symbol.asyncDispose]()
})
beforeEach(({ task }) => {
  cluster.logOnFailure()
  printEvents(task.name, [slices, key])
})

test('watch on a server of K3s with sqlite gets the list from the EndpointSlices, from before the first boot', async () => {
  await Promise.all([slices, key].map((watch) => watch.until('retry')))
  await cluster.start()
  expect(await slices.until('resolved')).toMatchObject({ source: 'kubernetes', addresses: [node.address] })
  const list = await resolveOn(node, node.kubernetesOptions)
  expect(list).toMatchObject({ source: 'kubernetes', addresses: [node.address] })
})

test('watch on a server of K3s with sqlite says that the key in etcd will never exist', async () => {
  const { hint } = await key.until('phase', (phase) => phase.hint?.includes('kine') === true)
  expect(hint).toContain("set source: 'kubernetes'")
  expect(key.addresses).toBeUndefined()
})

test('watch on a server of K3s with sqlite keeps its list while the server restarts after a crash', async () => {
  slices.events.clear()
  await node.host.kill()
  await slices.until('disconnected')
  await node.start()
  await slices.until('connected')
  expect(slices.addresses).toEqual([node.address])
  expect(slices.events.of('changed')).toEqual([])
})
