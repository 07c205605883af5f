import { mkdir, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Reason, TlsFiles } from '../../../src/index.ts'
import type { ClientTlsFiles } from '../../../src/rke2.ts'
import { readCertificates } from '../../../src/sources/certificates.ts'
import { Failure } from '../../../src/sources/failure.ts'
import { createAuthority } from '../../support/certificates.ts'
import { temporaryFolder } from '../../support/folder.ts'

let valid: Record<keyof TlsFiles, string>
let swapped: Record<keyof TlsFiles, string>
beforeAll(async () => {
  const authority = await createAuthority()
  const { cert, key } = await authority.issue({ commonName: 'client' })
  valid = { caFile: authority.cert, certFile: cert, keyFile: key }
  swapped = { caFile: key, certFile: key, keyFile: cert }
})

let files: ClientTlsFiles
beforeEach(async () => {
  const folder = temporaryFolder()
  files = { caFile: join(folder, 'ca.crt'), certFile: join(folder, 'client.crt'), keyFile: join(folder, 'client.key') }
  for (const name of names) await writeFile(files[name], valid[name])
})

const names = ['caFile', 'certFile', 'keyFile'] as const
const read = () => readCertificates(files, new AbortController().signal)
const outcome = (): Promise<unknown> =>
  read().then(
    () => 'usable',
    (error: unknown) => error,
  )

test('readCertificates returns another fingerprint when a file has changed', async () => {
  const { fingerprint } = await read()
  expect((await read()).fingerprint).toBe(fingerprint)
  await writeFile(files.caFile, `${valid.caFile}\n`)
  expect((await read()).fingerprint).not.toBe(fingerprint)
})

test('readCertificates accepts bundles with text between the certificates, CRLF line ends and symbolic links', async () => {
  const other = await createAuthority('other')
  await writeFile(files.caFile, `# first\n${valid.caFile}\n\n# second\n${other.cert}`)
  await writeFile(files.certFile, `${valid.certFile}\n${valid.caFile}`.replaceAll('\n', '\r\n'))
  await symlink(files.keyFile, `${files.keyFile}.link`)
  files = { ...files, keyFile: `${files.keyFile}.link` }
  expect(await outcome()).toBe('usable')
})

describe.each(names)('%s', (name) => {
  const missing = 'tls-files-missing'
  const unreadable = 'tls-files-unreadable'
  // A file that may be half-written is retried for two seconds.
  test.each<[title: string, Reason, retryForMs: number, message: string, damage: (file: string) => Promise<unknown>]>([
    ['does not exist', missing, Infinity, 'does not exist yet', (file) => rm(file)],
    [
      'is a link to a file that does not exist',
      missing,
      Infinity,
      'does not exist yet',
      (file) => rm(file).then(() => symlink('none', file)),
    ],
    ['is empty', missing, Infinity, 'is still empty', (file) => writeFile(file, '')],
    ['is a folder', unreadable, 0, 'not a regular file', (file) => rm(file).then(() => mkdir(file))],
    ['is larger than 1 MiB', unreadable, 0, '1048577 bytes', (file) => writeFile(file, Buffer.alloc((1 << 20) + 1))],
    ['is text without PEM', unreadable, 2000, 'is not valid PEM', (file) => writeFile(file, 'something else')],
    ['is binary', unreadable, 2000, 'is not valid PEM', (file) => writeFile(file, Buffer.from([48, 130, 1]))],
    ['is half-written', unreadable, 2000, 'is not valid PEM', (file) => writeFile(file, valid[name].slice(0, 100))],
    [
      'is a key for a certificate, or the reverse',
      unreadable,
      2000,
      'is not valid PEM',
      (file) => writeFile(file, swapped[name]),
    ],
  ])(
    `readCertificates rejects with a failure that names the file if ${name} %s`,
    async (_title, reason, retryForMs, message, damage) => {
      await damage(files[name])
      const error = await outcome()
      expect(error).toBeInstanceOf(Failure)
      expect(error).toMatchObject({ reason, retryForMs, message: expect.stringContaining(message) })
      expect((error as Failure).message).toContain(files[name])
    },
  )
})

test('readCertificates rejects a bundle whose second certificate is half-written', async () => {
  await writeFile(files.caFile, `${valid.caFile}\n${valid.caFile.slice(0, 100)}`)
  expect(await outcome()).toMatchObject({ reason: 'tls-files-unreadable', retryForMs: 2000 })
})

test('readCertificates rejects a certificate and a key that do not match, and retries for the 10 s of a rotation', async () => {
  const { cert } = await (await createAuthority()).issue({ commonName: 'next' })
  await writeFile(files.certFile, cert)
  expect(await outcome()).toMatchObject({
    reason: 'tls-rejected',
    retryForMs: 10_000,
    message: expect.stringContaining(`${files.certFile} and ${files.keyFile} do not match`),
  })
})

test('readCertificates names the first file that is missing', async () => {
  for (const name of names) await rm(files[name])
  for (const name of names) {
    expect(await outcome()).toMatchObject({ message: expect.stringContaining(files[name]) })
    await writeFile(files[name], valid[name])
  }
  expect(await outcome()).toBe('usable')
})

test('readCertificates rejects with signal.reason when it is aborted', async () => {
  await expect(readCertificates(files, AbortSignal.abort('enough'))).rejects.toBe('enough')
})

test('readCertificates without certFile and keyFile returns a context that verifies the server only', async () => {
  const { caFile } = files
  const certificates = await readCertificates({ caFile }, new AbortController().signal)
  expect(certificates).toMatchObject({ files: { caFile }, client: undefined, exposure: undefined })
})
