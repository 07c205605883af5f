import { mkdir, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Reason, TlsFiles } from '../../../../src/index.ts'
import { readCertificates } from '../../../../src/sources/etcd/certificates.ts'
import { Failure } from '../../../../src/sources/failure.ts'
import { createAuthority } from '../../../support/certificates.ts'
import { temporaryFolder } from '../../../support/folder.ts'

let good: Record<keyof TlsFiles, string>
let ofTheOtherKind: Record<keyof TlsFiles, string>
beforeAll(async () => {
  const authority = await createAuthority()
  const { cert, key } = await authority.issue({ commonName: 'client' })
  good = { caFile: authority.cert, certFile: cert, keyFile: key }
  ofTheOtherKind = { caFile: key, certFile: key, keyFile: cert }
})

let files: TlsFiles
beforeEach(async () => {
  const folder = temporaryFolder()
  files = { caFile: join(folder, 'ca.crt'), certFile: join(folder, 'client.crt'), keyFile: join(folder, 'client.key') }
  for (const name of names) await writeFile(files[name], good[name])
})

const names = ['caFile', 'certFile', 'keyFile'] as const
const read = () => readCertificates(files, new AbortController().signal)
const failure = (): Promise<unknown> =>
  read().then(
    () => 'usable',
    (error: unknown) => error,
  )

test('the fingerprint tells when a file has changed', async () => {
  const { fingerprint } = await read()
  expect((await read()).fingerprint).toBe(fingerprint)
  await writeFile(files.caFile, `${good.caFile}\n`)
  expect((await read()).fingerprint).not.toBe(fingerprint)
})

test('bundles with text between the certificates, other line ends and links are fine', async () => {
  const other = await createAuthority('other')
  await writeFile(files.caFile, `# two of them\n${good.caFile}\n\n# and\n${other.cert}`)
  await writeFile(files.certFile, `${good.certFile}\n${good.caFile}`.replaceAll('\n', '\r\n'))
  await symlink(files.keyFile, `${files.keyFile}.link`)
  files = { ...files, keyFile: `${files.keyFile}.link` }
  expect(await failure()).toBe('usable')
})

describe.each(names)('%s', (name) => {
  const missing = 'tls-files-missing'
  const unreadable = 'tls-files-unreadable'
  // What may be half-written has two seconds to mend.
  test.each<[title: string, Reason, retryForMs: number, message: string, spoil: (file: string) => Promise<unknown>]>([
    ['absent', missing, Infinity, 'does not exist yet', (file) => rm(file)],
    [
      'a link to nothing',
      missing,
      Infinity,
      'does not exist yet',
      (file) => rm(file).then(() => symlink('none', file)),
    ],
    ['empty', missing, Infinity, 'is still empty', (file) => writeFile(file, '')],
    ['a folder', unreadable, 0, 'not a regular file', (file) => rm(file).then(() => mkdir(file))],
    ['huge', unreadable, 0, '1048577 bytes', (file) => writeFile(file, Buffer.alloc((1 << 20) + 1))],
    ['text', unreadable, 2000, 'is not valid PEM', (file) => writeFile(file, 'something else')],
    ['binary', unreadable, 2000, 'is not valid PEM', (file) => writeFile(file, Buffer.from([48, 130, 1]))],
    ['half-written', unreadable, 2000, 'is not valid PEM', (file) => writeFile(file, good[name].slice(0, 100))],
    ['of the other kind', unreadable, 2000, 'is not valid PEM', (file) => writeFile(file, ofTheOtherKind[name])],
  ])('%s is %s', async (_title, reason, retryForMs, message, spoil) => {
    await spoil(files[name])
    const error = await failure()
    expect(error).toBeInstanceOf(Failure)
    expect(error).toMatchObject({ reason, retryForMs, message: expect.stringContaining(message) })
    expect((error as Failure).message).toContain(files[name])
  })
})

test('a bundle whose second certificate is half-written is not whole', async () => {
  await writeFile(files.caFile, `${good.caFile}\n${good.caFile.slice(0, 100)}`)
  expect(await failure()).toMatchObject({ reason: 'tls-files-unreadable', retryForMs: 2000 })
})

test('a certificate without its key is waited for as long as a rotation takes', async () => {
  const { cert } = await (await createAuthority()).issue({ commonName: 'next' })
  await writeFile(files.certFile, cert)
  expect(await failure()).toMatchObject({
    reason: 'tls-rejected',
    retryForMs: 10_000,
    message: expect.stringContaining(`${files.certFile} and ${files.keyFile} do not match`),
  })
})

test('the first file that is missing is the one that is named', async () => {
  for (const name of names) await rm(files[name])
  for (const name of names) {
    expect(await failure()).toMatchObject({ message: expect.stringContaining(files[name]) })
    await writeFile(files[name], good[name])
  }
  expect(await failure()).toBe('usable')
})

test('an abort ends the reading with its reason', async () => {
  await expect(readCertificates(files, AbortSignal.abort('enough'))).rejects.toBe('enough')
})
