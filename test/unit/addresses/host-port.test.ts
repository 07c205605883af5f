import net from 'node:net'
import { expect, test, vi } from 'vitest'
import { normalizeAddress, normalizeHost, splitAddress } from '../../../src/addresses/host-port.ts'

test.each([
  ['10.0.0.1', '10.0.0.1'],
  ['Server-1', 'server-1'],
  ['FD00:0:0::1', '[fd00::1]'],
  ['[fd00::1]', '[fd00::1]'],
  ['fe80::1%eth0', undefined],
  ['0x7f.1', undefined],
  ['a.1', undefined],
  ['1.2.3.4.', undefined],
  ['[a.example]', undefined],
  ['1.2.3', undefined],
  ['1.2.3.256', undefined],
  ['010.0.0.1', undefined],
  ['-a', undefined],
  ['a..b', undefined],
  ['a b', undefined],
  ['', undefined],
])('normalizeHost of %j returns %j', (text, host) => {
  expect(normalizeHost(text)).toBe(host)
})

test.each([
  ['10.0.0.11:6443', '10.0.0.11:6443'],
  ['Server-1:06443', 'server-1:6443'],
  ['[FD00:0:0::1]:6443', '[fd00::1]:6443'],
  ['10.0.0.11', undefined],
  ['10.0.0.11:0', undefined],
  ['10.0.0.11:65536', undefined],
  ['10.0.0.11:123456', undefined],
  ['fd00::1:6443', undefined],
  [':6443', undefined],
])('normalizeAddress of %j returns %j', (text, address) => {
  expect(normalizeAddress(text)).toBe(address)
})

test.each([
  ['10.0.0.11:6443', '10.0.0.11', 6443],
  ['[fd00::1]:6443', 'fd00::1', 6443],
])('splitAddress of %s returns host %s and port %i', (address, host, port) => {
  expect(splitAddress(address)).toEqual({ host, port })
})

test('normalizeAddress calls the slow isIPv6 of Node for no name, no IPv4 address and no default endpoint', () => {
  using isIPv6 = vi.spyOn(net, 'isIPv6')
  expect(['localhost:6443', '10.0.0.1:16443', '[::1]:2379'].map(normalizeAddress)).toEqual([
    'localhost:6443',
    '10.0.0.1:16443',
    '[::1]:2379',
  ])
  expect(isIPv6).not.toHaveBeenCalled()
  expect(normalizeAddress('[FD00::1]:6443')).toBe('[fd00::1]:6443')
  expect(isIPv6).toHaveBeenCalledOnce()
})
