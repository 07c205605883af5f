import type { X509Certificate } from 'node:crypto'
import { expect, test } from 'vitest'
import type { Certificates } from '../../../src/sources/certificates.ts'
import { tlsHint } from '../../../src/sources/tls-hint.ts'

const validFrom = new Date('2026-01-01T00:00:00Z')
const files = { caFile: '/ca', certFile: '/cert', keyFile: '/key' }
const client = { validFromDate: validFrom } as X509Certificate
const certificates: Certificates = { files, context: {} as never, fingerprint: '', exposure: undefined, client }

const alert = 'error:0A000412:SSL routines:ssl3_read_bytes:sslv3 alert bad certificate:SSL alert number 42'
const hint = 'the CA is /ca, the client certificate /cert'

test('tlsHint names the clock when etcd has refused a client certificate that is not valid yet', () => {
  expect(tlsHint(certificates, alert, validFrom.getTime() - 1)).toEqual({
    hint: `${hint}, which is not valid before 2026-01-01T00:00:00.000Z: the clock of this machine may be wrong`,
    retryForMs: Infinity,
  })
})

test.each([
  ['a client certificate that is valid', alert, 0],
  ['a server certificate that this side refused', 'certificate has expired', -1],
])('tlsHint leaves the time of retries as it is for %s', (_title, cause, offsetMs) => {
  expect(tlsHint(certificates, cause, validFrom.getTime() + offsetMs)).toEqual({ hint })
})

test('tlsHint says that there is no client certificate when none is given', () => {
  const { hint: text } = tlsHint({ ...certificates, files: { caFile: '/ca' }, client: undefined }, alert)
  expect(text).toBe('the CA is /ca, and there is no client certificate')
})
