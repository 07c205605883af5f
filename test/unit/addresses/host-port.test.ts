import { expect, test } from 'vitest'
import { hostAndPort } from '../../../src/addresses/host-port.ts'

test.each([
  ['10.0.0.11:6443', '10.0.0.11', 6443],
  ['[fd00::1]:6443', 'fd00::1', 6443],
  ['https://etcd.example:443', 'etcd.example', 443],
  ['http://[::1]:80', '::1', 80],
])('%s is %s and %i', (address, host, port) => {
  expect(hostAndPort(address)).toEqual({ host, port })
})
