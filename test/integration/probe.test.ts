import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { resolveApiserverAddresses, watchApiserverAddresses } from '../../src/index.ts'
import type { ProbedAddress } from '../../src/index.ts'
import { startApiserver, writeServerCa } from '../support/apiserver.ts'
import type { Apiserver } from '../support/apiserver.ts'
import { createAuthority } from '../support/certificates.ts'
import { startEtcd } from '../support/etcd.ts'
import type { EtcdCluster } from '../support/etcd.ts'
import { checkLeaks } from '../support/leaks.ts'
import { startProxy, unusedPort } from '../support/net.ts'
import { Recorder } from '../support/recorder.ts'

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
/** Writes a list to a new key. Returns the options to read it. */
async function storeList(...addresses: string[]) {
  const key = `probe/${++keys}`
  const store = (...each: string[]) => etcd.put(key, `${JSON.stringify(each)}\n`)
  await store(...addresses)
  const events = new Recorder()
  const { endpoints, dataDir } = etcd
  return { store, events, options: { endpoints, dataDir, key, events: events.emitter, probe: 'readyz' as const } }
}
const states = (probes: readonly ProbedAddress[] = []) => probes.map(({ address, state }) => [address, state])

test('resolve with probes puts the living server first and names why others are dead, after one round', async () => {
  const [server] = servers as [Apiserver]
  await using hole = await startProxy(1)
  await hole.blackhole()
  const [dead, silent] = [`127.0.0.1:${await unusedPort()}`, `127.0.0.1:${hole.port}`]
  const { events, options } = await storeList(dead, silent, server.address)
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
  expect(events.of('probed')).toHaveLength(1)
  await leaks.expectNone()
})

test('resolve with probes rejects with the causes of all dead addresses when too few are alive', async () => {
  const [server] = servers as [Apiserver]
  await using hole = await startProxy(1)
  await hole.blackhole()
  const [dead, silent] = [`127.0.0.1:${await unusedPort()}`, `127.0.0.1:${hole.port}`]
  const { options } = await storeList(dead, silent, server.address)
  using leaks = checkLeaks()

  const limits = { minAddresses: 2, probeTimeoutMs: 300, retry: { maxAttempts: 1 } }
  const error = await resolveApiserverAddresses({ ...options, ...limits }).catch(String)
  expect(error).toContain('the list has 1 of at least 2 addresses alive')
  expect(error).toContain(`${dead} is dead (connect ECONNREFUSED ${dead})`)
  expect(error).toContain(`${silent} is dead (TCP connected, but the TLS handshake timed out`)
  await leaks.expectNone()
})

test('resolve finds a server that becomes alive with the next round of probes, without another read', async () => {
  const [a, b] = servers as [Apiserver, Apiserver]
  await b.stop()
  onTestFinished(async () => b.start().catch(() => {}))
  const { options, events } = await storeList(a.address, b.address)
  using leaks = checkLeaks(events.emitter)

  const call = resolveApiserverAddresses({ ...options, minAddresses: 2 })
  // After four rounds, the backoff has reached its longest delay.
  await events.until('retry', () => events.of('retry').length === 4)
  await b.start()
  const rounds = events.of('probed').length
  const { addresses, attempts, probes } = await call
  // A round that had started before the server did may have found it dead.
  expect(events.of('probed').length - rounds).toBeLessThanOrEqual(2)
  expect(Math.max(...events.of('retry').map(({ delayMs }) => delayMs))).toBeLessThanOrEqual(1900)
  expect({ addresses, attempts }).toEqual({ addresses: [a.address, b.address], attempts: 1 })
  expect(probes).toMatchObject([{ state: 'alive' }, { state: 'alive' }])
  expect(events.of('phase')).toMatchObject([
    { reason: 'incomplete', message: expect.stringContaining(`${b.address} is dead (connect ECONNREFUSED`) },
  ])
  await leaks.expectNone()
})

test('watch with probes puts a dead server last, also while etcd is down, and a living one back', async () => {
  const [a, b, c] = servers as [Apiserver, Apiserver, Apiserver]
  const { options, store } = await storeList(a.address, b.address)
  await using proxy = await startProxy(etcd.endpoints[0]!)
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
    // On a slow machine, the change already has the state of the new address.
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

test('an abort during the probes ends the call at once and leaves no connection', async () => {
  await using hole = await startProxy(1)
  await hole.blackhole()
  const many = Array.from({ length: 20 }, (_, n) => `127.0.0.${n + 1}:${hole.port}`)
  const { events, options } = await storeList(`127.0.0.1:${hole.port}`, ...many.slice(1))
  using leaks = checkLeaks()
  const controller = new AbortController()
  // An hour for each probe, so that only the abort can end it.
  const call = resolveApiserverAddresses({ ...options, signal: controller.signal, probeTimeoutMs: 3_600_000 })
  await expect.poll(() => hole.open).toBeGreaterThan(0)
  controller.abort('enough')
  await expect(call).rejects.toBe('enough')
  expect(events.types).toEqual(['attempt', 'aborted'])
  await leaks.expectNone()
  await expect.poll(() => hole.open).toBe(0)
})
