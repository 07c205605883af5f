import { expect, test } from 'vitest'
import { addressList, difference, stateOf } from '../../../src/addresses/list.ts'

const dead = (address: string, latencyMs = 1) => ({ address, state: 'dead', latencyMs, cause: 'refused' }) as const
const alive = (address: string, latencyMs = 1) => ({ address, state: 'alive', latencyMs }) as const

test('addressList has the URLs in the same order as the addresses, and cannot be changed', () => {
  const { addresses, urls, revision } = addressList(['[fd00::1]:6443', 'a:1'], 'etcd', '42')
  expect({ addresses, urls, revision }).toEqual({
    addresses: ['[fd00::1]:6443', 'a:1'],
    urls: ['https://[fd00::1]:6443', 'https://a:1'],
    revision: '42',
  })
  expect(Object.isFrozen(addresses) && Object.isFrozen(urls)).toBe(true)
})

test('addressList puts live addresses first, then those without a probe, and dead addresses last', () => {
  const { addresses, urls, probes } = addressList(['a:1', 'b:1', 'c:1', 'd:1'], 'etcd', '1', [
    dead('a:1'),
    alive('d:1'),
  ])
  expect(addresses).toEqual(['d:1', 'b:1', 'c:1', 'a:1'])
  expect(urls).toEqual(['https://d:1', 'https://b:1', 'https://c:1', 'https://a:1'])
  expect(probes).toEqual([alive('d:1'), dead('a:1')])
})

test('addressList has no probes if none were made', () => {
  expect(addressList(['a:1'], 'etcd', '1')).not.toHaveProperty('probes')
})

test('stateOf is equal for lists that differ only in revision and latency, and not for another state', () => {
  const list = addressList(['a:1', 'b:1'], 'etcd', '1', [alive('a:1'), alive('b:1')])
  expect(stateOf(addressList(['a:1', 'b:1'], 'etcd', '2', [alive('a:1', 9), alive('b:1')]))).toBe(stateOf(list))
  expect(stateOf(addressList(['a:1', 'b:1'], 'etcd', '1', [alive('a:1'), dead('b:1')]))).not.toBe(stateOf(list))
  expect(stateOf(addressList(['a:1'], 'etcd', '1', [alive('a:1')]))).not.toBe(stateOf(list))
})

test('difference returns the addresses that were added and removed, frozen', () => {
  const { added, removed } = difference(['a:1', 'b:1'], ['b:1', 'c:1'])
  expect({ added, removed }).toEqual({ added: ['c:1'], removed: ['a:1'] })
  expect(Object.isFrozen(added) && Object.isFrozen(removed)).toBe(true)
})
