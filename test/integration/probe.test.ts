import { EventEmitter, once } from 'node:events'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { resolveApiserverAddresses, watchApiserverAddresses } from '../../src/index.ts'
import type { ApiserverAddressEvents, ProbedAddress } from '../../src/index.ts'
import { startApiserver, writeServerCa } from '../support/apiserver.ts'
import type { Apiserver } from '../support/apiserver.ts'
import { createAuthority } from '../support/certificates.ts'
import { startEtcd } from '../support/etcd.ts'
import type { EtcdCluster } from '../support/etcd.ts'
import { checkLeaks } from '../support/leaks.ts'
import { startProxy, unusedPort } from '../support/net.ts'

let etcd: EtcdCluster
let servers: Apiserver[]
beforeAll(async () => {
  etcd = await startEtcd()
  const authority = await createAuthority('rke2-server-ca')
  await writeServerCa(etcd.dataDir, authority)
  servers = [await startApiserver(authority), await startApiserver(authority), await startApiserver(authority)]
  servers.sort((a, b) => (a.address < b.address ? -1 : 1))
})
afterAll(async () => {
  for (const server of servers) await server.stop()
  await etcd[Symbol.asyncDispose]()
})

let keys = 0
/** A key of the test's own with this list, and the options to read it with. */
async function list(...addresses: string[]) {
  const key = `probe/${++keys}`
  const store = (...each: string[]) => etcd.put(key, `${JSON.stringify(each)}\n`)
  await store(...addresses)
  const events = new EventEmitter<ApiserverAddressEvents>()
  const { endpoints, dataDir } = etcd
  return { store, events, options: { endpoints, dataDir, key, events, probe: 'readyz' as const } }
}
const states = (probes: readonly ProbedAddress[] = []) => probes.map(({ address, state }) => [address, state])

test('a dead and a black-holed server are named with their causes in time, and the live one comes first', async () => {
  const [server] = servers as [Apiserver]
  await using hole = await startProxy(1)
  await hole.blackhole()
  const [dead, silent] = [`127.0.0.1:${await unusedPort()}`, `127.0.0.1:${hole.port}`]
  const { options } = await list(dead, silent, server.address)
  using leaks = checkLeaks()

  const { addresses, probes } = await resolveApiserverAddresses(options)
  expect(addresses).toEqual([server.address, ...[dead, silent].toSorted()])
  const causes = Object.fromEntries(probes?.map(({ address, cause }) => [address, cause]) ?? [])
  expect(causes).toEqual({
    [server.address]: undefined,
    [dead]: `connect ECONNREFUSED ${dead}`,
    [silent]: 'TCP connected, but the TLS handshake timed out (2 s)',
  })
  expect(probes?.[0]).toMatchObject({ state: 'alive', verified: true })

  const error = await resolveApiserverAddresses({
    ...options,
    minAddresses: 2,
    probeTimeoutMs: 300,
    timeoutMs: 1000,
  }).catch(String)
  expect(error).toContain('the list has 1 of at least 2 addresses alive')
  expect(error).toContain(`${dead} is dead (connect ECONNREFUSED ${dead})`)
  expect(error).toContain(`${silent} is dead (TCP connected, but the TLS handshake timed out`)
  await leaks.expectNone()
})

test('a server that comes alive ends the wait within one round, and etcd is not read again for it', async () => {
  const [a, b] = servers as [Apiserver, Apiserver]
  await b.stop()
  onTestFinished(async () => b.start().catch(() => {}))
  const { options, events } = await list(a.address, b.address)
  const phases: ApiserverAddressEvents['phase'][0][] = []
  events.on('phase', (phase) => phases.push(phase))
  const delays: number[] = []
  events.on('retry', ({ delayMs }) => delays.push(delayMs))
  using leaks = checkLeaks(events)

  const call = resolveApiserverAddresses({ ...options, minAddresses: 2 })
  // By then the pauses are as long as they get.
  for (let n = 0; n < 4; n++) await once(events, 'retry')
  await b.start()
  const { addresses, attempts, probes } = await call
  expect(Math.max(...delays)).toBeLessThanOrEqual(1900)
  expect({ addresses, attempts }).toEqual({ addresses: [a.address, b.address], attempts: 1 })
  expect(probes).toMatchObject([{ state: 'alive' }, { state: 'alive' }])
  expect(phases).toMatchObject([
    { reason: 'incomplete', message: expect.stringContaining(`${b.address} is dead (connect ECONNREFUSED`) },
  ])
  await leaks.expectNone()
})

test('a watch puts a server that dies at the end, also while etcd is away, and back when it is alive again', async () => {
  const [a, b, c] = servers as [Apiserver, Apiserver, Apiserver]
  const { options, store } = await list(a.address, b.address)
  await using proxy = await startProxy(etcd.endpoints[0] ?? '')
  using leaks = checkLeaks()
  {
    await using watch = watchApiserverAddresses({ ...options, endpoints: proxy.endpoint, probeIntervalMs: 100 })
    const next = async () => (await watch.next()).value
    expect(states((await next())?.probes)).toEqual([
      [a.address, 'alive'],
      [b.address, 'alive'],
    ])
    await store(a.address, b.address, c.address)
    const grown = await next()
    expect(grown).toMatchObject({ added: [c.address] })
    // The list has it already if this test was slow to read.
    const probed = grown?.probes?.length === 3 ? grown : await next()
    expect(states(probed?.probes)).toContainEqual([c.address, 'alive'])

    await proxy.blackhole()
    await a.stop()
    onTestFinished(async () => a.start().catch(() => {}))
    expect(await next()).toMatchObject({ addresses: [b.address, c.address, a.address], added: [], removed: [] })
    await a.start()
    expect(await next()).toMatchObject({ addresses: [a.address, b.address, c.address], added: [], removed: [] })
  }
  await leaks.expectNone()
})

test('an abort in the middle of the probes ends the call at once and leaves no connection', async () => {
  await using hole = await startProxy(1)
  await hole.blackhole()
  const many = Array.from({ length: 20 }, (_, n) => `127.0.0.${n + 1}:${hole.port}`)
  const { options } = await list(`127.0.0.1:${hole.port}`, ...many.slice(1))
  using leaks = checkLeaks()
  const controller = new AbortController()
  const call = resolveApiserverAddresses({ ...options, signal: controller.signal, probeTimeoutMs: 600_000 })
  await expect.poll(() => hole.open).toBeGreaterThan(0)
  controller.abort('enough')
  await expect(call).rejects.toBe('enough')
  await leaks.expectNone()
  await expect.poll(() => hole.open).toBe(0)
})
