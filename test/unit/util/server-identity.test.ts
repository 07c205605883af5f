import { X509Certificate } from 'node:crypto'
import type { PeerCertificate } from 'node:tls'
import { expect, test } from 'vitest'
import { serverIdentity } from '../../../src/util/server-identity.ts'
import { createAuthority } from '../../support/certificates.ts'

/** Returns a certificate in the form in which `tls.connect` passes it to `checkServerIdentity`. */
async function certificate(dnsNames: string[], ipAddresses: string[]): Promise<PeerCertificate> {
  const { cert } = await (await createAuthority()).issue({ commonName: '10.9.9.9', dnsNames, ipAddresses })
  return new X509Certificate(cert).toLegacyObject()
}

test.each([
  ['127.0.0.1', ['127.0.0.1', '::1']],
  ['::1', ['127.0.0.1', '::1']],
  ['fd00::a', ['fd00:0:0:0:0:0:0:a']],
])('serverIdentity accepts a certificate with the IP address %s', async (host, ipAddresses) => {
  const { servername, checkServerIdentity } = serverIdentity(host)
  expect(servername).toBe('')
  expect(checkServerIdentity?.('', await certificate(['localhost'], ipAddresses))).toBeUndefined()
})

test.each([
  ['another IPv4 address', '127.0.0.1', [], ['127.0.0.2']],
  ['another IPv6 address', '::1', [], ['::2']],
  ['the address as a DNS name', '127.0.0.1', ['127.0.0.1'], ['127.0.0.2']],
  ['the address as its common name', '10.9.9.9', [], ['127.0.0.1']],
])('serverIdentity refuses a certificate that has only %s', async (_title, host, dnsNames, ipAddresses) => {
  expect(serverIdentity(host).checkServerIdentity?.('', await certificate(dnsNames, ipAddresses))).toMatchObject({
    code: 'ERR_TLS_CERT_ALTNAME_INVALID',
  })
})

test('serverIdentity sends a name as server name, and leaves its verification to Node', () => {
  expect(serverIdentity('etcd.example')).toEqual({ servername: 'etcd.example' })
})

test('serverIdentity sends a name without its trailing dot', () => {
  expect(serverIdentity('etcd.example.')).toEqual({ servername: 'etcd.example' })
})
