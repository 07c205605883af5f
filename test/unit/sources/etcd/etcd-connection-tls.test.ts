import { writeFile } from 'node:fs/promises'
import http2 from 'node:http2'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { readCertificates } from '../../../../src/sources/certificates.ts'
import type { Connection } from '../../../../src/sources/connection.ts'
import { connect } from '../../../../src/sources/etcd/etcd-connection.ts'
import { createAuthority } from '../../../support/certificates.ts'
import type { Authority, CertificateRequest, KeyPair } from '../../../support/certificates.ts'
import { connectionDefaults, endpointOf } from '../../../support/endpoint.ts'
import { temporaryFolder } from '../../../support/folder.ts'
import { answer, frame, range } from '../../../support/hostile-etcd.ts'
import { serve } from '../../../support/serve.ts'

const never = new AbortController().signal

/** Starts an etcd with this server certificate, and connects to it. */
async function connectTo(server: KeyPair, ca: string, client: KeyPair): Promise<Connection> {
  const folder = temporaryFolder()
  const tls = { caFile: join(folder, 'ca'), certFile: join(folder, 'cert'), keyFile: join(folder, 'key') }
  await writeFile(tls.caFile, ca)
  await writeFile(tls.certFile, client.cert)
  await writeFile(tls.keyFile, client.key, { mode: 0o600 })
  const etcd = http2.createSecureServer(server)
  etcd.on('stream', answer(frame(range())))
  const endpoint = endpointOf(`https://127.0.0.1:${await serve(etcd)}`)
  const certificates = await readCertificates(tls, never)
  const connection = await connect({ ...connectionDefaults, endpoint, certificates })
  onTestFinished(() => connection.close())
  return connection
}

const issue = (authority: Authority, request: Partial<CertificateRequest> = {}) =>
  authority.issue({ commonName: 'etcd', ipAddresses: ['127.0.0.1'], ...request })

test('a connection trusts a CA file that has only the intermediate certificate, as etcdctl does', async () => {
  const intermediate = await (await createAuthority()).createIntermediate('intermediate')
  const connection = await connectTo(await issue(intermediate), intermediate.cert, await issue(intermediate))
  expect((await connection.read(never)).modRevision).toBe(7n)
})

test('a read from a server whose certificate is not valid yet is retried without limit, and names the clock', async () => {
  const authority = await createAuthority()
  const server = await issue(authority, { notBefore: new Date(Date.now() + 3_600_000) })
  const connection = await connectTo(server, authority.cert, await issue(authority))
  await expect(connection.read(never)).rejects.toMatchObject({
    reason: 'tls-rejected',
    retryForMs: Infinity,
    message: expect.stringMatching(
      /not valid yet, or the clock of this machine is wrong \(certificate is not yet valid\)$/,
    ),
  })
})

test('a read from a server whose certificate has expired is retried for 10 s', async () => {
  const authority = await createAuthority()
  const server = await issue(authority, { notAfter: new Date(Date.now() - 60_000) })
  const connection = await connectTo(server, authority.cert, await issue(authority))
  await expect(connection.read(never)).rejects.toMatchObject({ reason: 'tls-rejected', retryForMs: 10_000 })
})
