import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { parseEndpoints } from '../../../../src/addresses/endpoint.ts'
import type { ResolveOptions } from '../../../../src/index.ts'
import { KubernetesSource } from '../../../../src/sources/kubernetes/kubernetes-source.ts'
import { ObservedCall } from '../../../support/call.ts'
import { temporaryFolder } from '../../../support/folder.ts'
import { agentSetup } from '../../../support/kubernetes/agent-setup.ts'
import { VirtualWatch } from '../../../support/kubernetes/follow.ts'
import { startLoadBalancer } from '../../../support/kubernetes/load-balancer.ts'
import { writeLoadBalancerFile, writeNodeFiles } from '../../../support/kubernetes/node-files.ts'
import { clusterAuthorities } from '../../../support/kubernetes/start.ts'
import { expectNoLeaks } from '../../../support/no-leaks.ts'

expectNoLeaks()

const refusedUrl = 'https://127.0.0.1:1'

/** Starts a load balancer that has no server, and so resets each connection. */
async function startEmptyLoadBalancer() {
  const balancer = await startLoadBalancer()
  onTestFinished(() => balancer[Symbol.asyncDispose]())
  return balancer
}

/** Returns the hint of the first phase on an agent without options whose load balancer has this URL. */
async function hintOnAgent(url: string, servers: readonly string[] = []): Promise<string | undefined> {
  const setup = { ...agentSetup(), endpoints: parseEndpoints([url], 6443) }
  await writeNodeFiles(setup.dataDir, await clusterAuthorities())
  await writeLoadBalancerFile(setup.dataDir, 'rke2', servers)
  const watch = new VirtualWatch({}, (clock) => new KubernetesSource(setup, clock))
  watch.watch.next().catch(() => {})
  const { reason, hint } = await watch.events.until('phase')
  expect(reason).toBe('unreachable')
  return hint
}

/** Returns the hint of the first phase of a call with these options. */
async function hintOf(options: ResolveOptions): Promise<string | undefined> {
  const call = new ObservedCall({ source: 'kubernetes', ...options })
  return (await call.events.until('phase')).hint
}

test('resolve says that nothing listens on this node when its load balancer refuses the connection', async () => {
  expect(await hintOnAgent(refusedUrl)).toBe('nothing listens on this node: RKE2 or K3s is not running')
})

test('resolve says that the load balancer of this node has no server when it resets the connection', async () => {
  const { url } = await startEmptyLoadBalancer()
  expect(await hintOnAgent(url)).toBe('the load balancer of this node has no server that answers')
})

test('resolve has no hint about this node when only another server of the cluster resets the connection', async () => {
  const { url } = await startEmptyLoadBalancer()
  expect(await hintOnAgent(refusedUrl, [new URL(url).host])).toBeUndefined()
})

test.each([
  ['refuses', async () => refusedUrl],
  ['resets', async () => (await startEmptyLoadBalancer()).url],
])(
  'resolve has no hint about this node when a server of the option endpoints %s the connection',
  async (_title, urlOf) => {
    const dataDir = temporaryFolder()
    await writeNodeFiles(dataDir, await clusterAuthorities())
    expect(await hintOf({ dataDir, endpoints: await urlOf() })).toBeUndefined()
  },
)

test('resolve has no hint about the data directory when the file of the option tokenFile is missing', async () => {
  const folder = temporaryFolder()
  await writeNodeFiles(folder, await clusterAuthorities())
  const tls = { caFile: join(folder, 'agent', 'server-ca.crt') }
  const dataDir = join(folder, 'none')
  expect(await hintOf({ dataDir, tls, tokenFile: join(folder, 'token'), endpoints: refusedUrl })).toBeUndefined()
})

test('resolve has no hint about the data directory when a file of the option tls is missing', async () => {
  const dataDir = join(temporaryFolder(), 'none')
  expect(await hintOf({ dataDir, tls: { caFile: join(dataDir, 'ca') } })).toBeUndefined()
})

test('resolve says that the data directory does not exist when a file of this node is missing', async () => {
  expect(await hintOf({ dataDir: join(temporaryFolder(), 'none') })).toMatch(/none does not exist: either RKE2 or K3s/)
})

test('resolve names the data directory of the other distribution when only that one exists', async () => {
  const folder = temporaryFolder()
  const [dataDir, other] = [join(folder, 'rke2'), join(folder, 'k3s')]
  await mkdir(other)
  expect(await hintOf({ dataDir })).toBe(`${dataDir} does not exist, and ${other} does: set dataDir: '${other}'`)
})
