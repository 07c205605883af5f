import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { pino } from 'pino'
import { beforeAll, beforeEach, expect, test } from 'vitest'
import type { ClientTlsFiles } from '../../../src/rke2.ts'
import { CertificateReader } from '../../../src/sources/certificate-reader.ts'
import { Failure } from '../../../src/sources/failure.ts'
import { createAuthority } from '../../support/certificates.ts'
import type { Authority } from '../../support/certificates.ts'
import { endpointOf } from '../../support/endpoint.ts'
import { temporaryFolder } from '../../support/folder.ts'

const never = new AbortController().signal

let authority: Authority
beforeAll(async () => {
  authority = await createAuthority()
})

let tls: ClientTlsFiles
beforeEach(() => {
  const folder = temporaryFolder()
  tls = { caFile: join(folder, 'ca'), certFile: join(folder, 'cert'), keyFile: join(folder, 'key') }
})

/** Writes the files with a new key pair, or all but the key. */
async function writeFiles({ withKey = true } = {}): Promise<void> {
  const { cert, key } = await authority.issue({ commonName: 'client' })
  await writeFile(tls.caFile, authority.cert)
  await writeFile(tls.certFile, cert)
  if (withKey) await writeFile(tls.keyFile, key, { mode: 0o600 })
}

function createReader(url = 'https://a:2379') {
  const warnings: object[] = []
  const logger = pino({ level: 'warn' }, { write: (line) => void warnings.push(JSON.parse(line)) })
  return { warnings, reader: new CertificateReader({ endpoints: [endpointOf(url)], tls, logger }) }
}

test('CertificateReader.read returns undefined without reading a file if no endpoint has https', async () => {
  const { reader } = createReader('http://a:2379')
  expect(await reader.read(never)).toBeUndefined()
  expect(reader.fingerprint).toBeUndefined()
})

test('CertificateReader.fingerprint stays the same while the files do not change', async () => {
  await writeFiles()
  const { reader } = createReader()
  const certificates = await reader.read(never)
  expect(reader.fingerprint).toBe(certificates?.fingerprint)
  await reader.read(never)
  expect(reader.fingerprint).toBe(certificates?.fingerprint)
})

test('CertificateReader.fingerprint changes when the files have changed', async () => {
  await writeFiles()
  const { reader } = createReader()
  await reader.read(never)
  const { fingerprint } = reader
  await writeFiles()
  await reader.read(never)
  expect(reader.fingerprint).not.toBe(fingerprint)
})

test('CertificateReader.fingerprint is reset when only some of the files have been rotated', async () => {
  await writeFiles()
  const { reader } = createReader()
  await reader.read(never)
  const { fingerprint } = reader
  await writeFiles({ withKey: false })
  await expect(reader.read(never)).rejects.toMatchObject({ reason: 'tls-rejected' })
  expect(reader.fingerprint).not.toBe(fingerprint)
})

test('CertificateReader.read warns once that other users can read the client key', async () => {
  await writeFiles()
  await chmod(tls.keyFile, 0o644)
  const { reader, warnings } = createReader()
  await reader.read(never)
  await reader.read(never)
  const msg = `the client key ${tls.keyFile} has mode 0644, and should have 0600`
  expect(warnings).toMatchObject([{ name: 'rke2-apiserver-resolver', file: tls.keyFile, msg }])
})

test('CertificateReader names the file that is being read, in pending and when the signal is aborted', async () => {
  await writeFiles()
  const { reader } = createReader()
  expect(reader.pending()).toBeUndefined()
  const controller = new AbortController()
  const result = reader.read(controller.signal)
  while (reader.pending() === undefined) await setImmediate()
  const pending = reader.pending()
  expect(pending).toBeInstanceOf(Failure)
  expect(pending).toMatchObject({
    reason: 'tls-files-unreadable',
    retryForMs: Infinity,
    message: expect.stringMatching(/\/(ca|cert|key) cannot be read: its file system does not answer$/),
  })
  controller.abort('enough')
  await expect(result).rejects.toMatchObject({ reason: 'tls-files-unreadable', message: pending?.message })
  expect(reader.pending()).toBeUndefined()
})
