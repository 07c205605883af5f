import { X509Certificate } from 'node:crypto'
import type { PeerCertificate } from 'node:tls'
import { expect, test } from 'vitest'
import { identity } from '../../../src/util/server-identity.ts'
import { createAuthority } from '../../support/certificates.ts'

/** What `tls.connect` hands to the check: Node's own form of the certificate. */
async function certificate(dnsNames: string[], ipAddresses: string[]): Promise<PeerCertificate> {
  const { cert } = await (await createAuthority()).issue({ commonName: '10.9.9.9', dnsNames, ipAddresses })
  return new X509Certificate(cert).toLegacyObject()
}

test.each([
  ['127.0.0.1', ['127.0.0.1', '::1']],
  ['::1', ['127.0.0.1', '::1']],
  ['fd00::a', ['fd00:0:0:0:0:0:0:a']],
])('%s is an IP entry of the certificate', async (host, ipAddresses) => {
  const { servername, checkServerIdentity } = identity(host)
  expect(servername).toBe('')
  expect(checkServerIdentity?.('', await certificate(['localhost'], ipAddresses))).toBeUndefined()
})

test.each([
  ['another address', '127.0.0.1', [], ['127.0.0.2']],
  ['another IPv6 address', '::1', [], ['::2']],
  ['an address that is a name', '127.0.0.1', ['127.0.0.1'], ['127.0.0.2']],
  ['an address that is the common name', '10.9.9.9', [], ['127.0.0.1']],
])('%s is none', async (_title, host, dnsNames, ipAddresses) => {
  expect(identity(host).checkServerIdentity?.('', await certificate(dnsNames, ipAddresses))).toMatchObject({
    code: 'ERR_TLS_CERT_ALTNAME_INVALID',
  })
})

test('a name is left to Node', () => {
  expect(identity('etcd.example')).toEqual({ servername: 'etcd.example' })
})
