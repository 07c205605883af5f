import { expect, test } from 'vitest'
import { resolveApiserverAddresses } from '../../../../src/index.ts'
import { VirtualWatch } from '../../../support/kubernetes/follow.ts'
import { startNode } from '../../../support/kubernetes/start.ts'
import { expectNoLeaks } from '../../../support/no-leaks.ts'

expectNoLeaks()

test('resolve returns the addresses of the EndpointSlice, and its version', async () => {
  const { apiserver, options } = await startNode()
  apiserver.store.set('10.0.0.2', '10.0.0.1')
  apiserver.store.bump(5)
  expect(await resolveApiserverAddresses(options)).toMatchObject({
    addresses: ['10.0.0.1:6443', '10.0.0.2:6443'],
    source: 'kubernetes',
    revision: '101',
    attempts: 1,
  })
})

test('resolve returns the endpoints that are ready of all EndpointSlices together', async () => {
  const { apiserver, options } = await startNode()
  const { store } = apiserver
  store.set('10.0.0.1')
  store.setSlice('not-ready', { addresses: ['10.0.0.2'], ready: false })
  store.setSlice('without-conditions', { endpoints: [{ addresses: ['10.0.0.3'] }] })
  store.setSlice('ipv6', { addressType: 'IPv6', addresses: ['fd00::4'] })
  store.setSlice('two-ports', {
    addresses: ['10.0.0.5'],
    ports: [
      { name: 'metrics', port: 9100 },
      { name: 'https', port: 7443 },
    ],
  })
  store.setSlice('other-ports', {
    addresses: ['10.0.0.6'],
    ports: [
      { name: 'a', port: 1 },
      { name: 'b', port: 2 },
    ],
  })
  store.setSlice('one-port', { addresses: ['10.0.0.7'], ports: [{ name: 'any', port: 443 }] })
  store.setSlice('no-ports', { addresses: ['10.0.0.8'], ports: null })
  store.setSlice('no-endpoints', { endpoints: null })
  const { addresses, revision } = await resolveApiserverAddresses(options)
  expect(addresses).toEqual(['10.0.0.1:6443', '10.0.0.3:6443', '10.0.0.5:7443', '10.0.0.7:443', '[fd00::4]:6443'])
  expect(revision).toBe(String(store.version))
})

test('watch reads an empty list once in the first minute, while its watch is open', async () => {
  const { apiserver, options } = await startNode()
  const virtual = new VirtualWatch(options)
  const first = virtual.watch.next()
  await expect.poll(() => apiserver.watches).toBe(1)
  await virtual.advance(55_000)
  expect(apiserver.requests).toEqual(['list', 'watch 100'])
  apiserver.store.set('10.0.0.1')
  expect((await first).value?.addresses).toEqual(['10.0.0.1:6443'])
})

test('resolve reads the list again over the same connection while it waits, and is woken by a change', async () => {
  const { apiserver, options } = await startNode()
  const { store } = apiserver
  store.set('10.0.0.1')
  const call = resolveApiserverAddresses({ ...options, minAddresses: 2 })
  await expect.poll(() => apiserver.watches).toBe(1)
  store.set('10.0.0.1', '10.0.0.2')
  expect(await call).toMatchObject({ addresses: ['10.0.0.1:6443', '10.0.0.2:6443'], revision: '102', attempts: 1 })
  expect(apiserver.requests).toEqual(['list', 'watch 101'])
  expect(apiserver.connections).toBe(1)
})
