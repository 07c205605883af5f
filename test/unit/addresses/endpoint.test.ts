import { expect, test } from 'vitest'
import { parseEndpoint } from '../../../src/addresses/endpoint.ts'

test.each([
  ['https://127.0.0.1:2379', 'https://127.0.0.1:2379', '127.0.0.1', 2379],
  ['HTTPS://LocalHost:2379/', 'https://localhost:2379', 'localhost', 2379],
  ['  http://10.0.0.1:2379\n', 'http://10.0.0.1:2379', '10.0.0.1', 2379],
  ['https://10.0.0.1', 'https://10.0.0.1:2379', '10.0.0.1', 2379],
  ['https://etcd.example:443', 'https://etcd.example:443', 'etcd.example', 443],
  ['http://[::1]:80', 'http://[::1]:80', '::1', 80],
  ['https://[FD00:0::1]', 'https://[fd00::1]:2379', 'fd00::1', 2379],
])('parseEndpoint of %j returns %s with host %s and port %i', (text, url, host, port) => {
  const address = url.slice(url.indexOf('//') + 2)
  expect(parseEndpoint(text)).toEqual({ url, address, host, port, secure: url.startsWith('https:') })
})

test.each([
  ['localhost:2379', 'must start with https:// or http://'],
  ['unix:///run/etcd.sock', 'must start with https:// or http://'],
  ['https://a:1/health', 'must have no path, query or fragment'],
  ['https://a:1?x', 'must have no path, query or fragment'],
  ['https://a:1#x', 'must have no path, query or fragment'],
  ['https://root:secret@a:1', 'must have no user name or password; use the credentials option'],
  ['https://a,b', 'must be one URL; give several as an array'],
  ['https://a:0', 'must be scheme://host:port'],
  ['https://a b:1', 'must be scheme://host:port'],
  ['https://fd00::1:2379', 'must be scheme://host:port'],
  ['https://', 'must be scheme://host:port'],
])('parseEndpoint of %j says that it %s', (text, problem) => {
  expect(parseEndpoint(text)).toEqual({ problem })
})
