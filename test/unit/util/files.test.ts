import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import { chmod, mkdir, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeEach, expect, test, vi } from 'vitest'
import { readPrivateFile, readSmallFile } from '../../../src/util/files.ts'
import { idle } from '../../support/clock.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { heapUsed } from '../../support/heap.ts'
import { createUnansweredFile, openUnanswered } from '../../support/unanswered-file.ts'

/** The files that were opened. */
const opened: string[] = []
const { open } = fs.promises
const openAndNote = openUnanswered((file, flags) => {
  opened.push(file)
  return open(file, flags)
})
vi.spyOn(fs.promises, 'open').mockImplementation(openAndNote as typeof open)
afterAll(() => void vi.restoreAllMocks())

let folder: string
beforeEach(() => {
  opened.length = 0
  folder = temporaryFolder()
})
const never = new AbortController().signal
const read = (name: string) => readSmallFile(join(folder, name), never)
const exposureOf = async (name: string) => (await readPrivateFile(join(folder, name), never)).exposure

test('readPrivateFile returns the bytes, and no exposure for a file with mode 0600', async () => {
  await writeFile(join(folder, 'key'), 'secret', { mode: 0o600 })
  expect(await readPrivateFile(join(folder, 'key'), never)).toEqual({
    bytes: Buffer.from('secret'),
    exposure: undefined,
  })
})

test('readSmallFile returns the bytes of a file that every user can replace', async () => {
  await writeFile(join(folder, 'ca'), 'public', { mode: 0o666 })
  expect(await read('ca')).toEqual(Buffer.from('public'))
})

test('readSmallFile returns no bytes for an empty file', async () => {
  await writeFile(join(folder, 'empty'), '')
  expect(await read('empty')).toHaveLength(0)
})

test.each<[string, RegExp, (file: string) => unknown]>([
  ['a pipe', /^not a regular file$/, (file) => execFileSync('mkfifo', [file])],
  ['a device without end', /^not a regular file$/, (file) => symlink('/dev/zero', file)],
  ['a folder', /^not a regular file$/, (file) => mkdir(file)],
  [
    'a file of 1 GiB',
    /^1073741824 bytes, more than 1048576$/,
    (file) => writeFile(file, '').then(() => truncate(file, 1 << 30)),
  ],
])('readSmallFile rejects for %s', async (_title, message, make) => {
  await make(join(folder, 'key'))
  await expect(read('key')).rejects.toThrow(message)
})

test('readSmallFile rejects with signal.reason while the file system does not answer, and others wait for the same read', async () => {
  const { file, answer } = createUnansweredFile(folder)
  const controller = new AbortController()
  const waiting = readSmallFile(file, never)
  const aborted = readSmallFile(file, controller.signal)
  controller.abort('enough')
  await expect(aborted).rejects.toBe('enough')
  await expect(readSmallFile(file, controller.signal)).rejects.toBe('enough')
  expect(opened.filter((name) => name === file)).toHaveLength(1)
  answer()
  await expect(waiting).rejects.toThrow('not a regular file')
  await rm(file)
  await writeFile(file, 'secret')
  expect((await readSmallFile(file, never)).toString()).toBe('secret')
})

const isRoot = process.getuid?.() === 0

test.each([
  ['0600', false],
  ['0400', false],
  // The group of a file of root was chosen by root.
  ['0640', !isRoot],
  ['0644', true],
  ['0660', true],
  ['0604', true],
])('readPrivateFile of a file with mode %s reports that others can read it: %s', async (mode, exposed) => {
  const file = join(folder, 'key')
  await writeFile(file, '')
  await chmod(file, mode)
  expect(await exposureOf('key')).toBe(exposed ? `${file} has mode ${mode}, and should have 0600` : undefined)
})

test('readPrivateFile of a link reports the mode of the file behind it, and of the folder of that file', async () => {
  const inside = join(folder, 'inside')
  await mkdir(inside)
  await writeFile(join(inside, 'key'), '', { mode: 0o600 })
  const link = join(folder, 'link')
  await symlink(join(inside, 'key'), link)
  expect(await exposureOf('link')).toBeUndefined()
  await chmod(inside, 0o777)
  expect(await exposureOf('link')).toBe(`${link} is in ${inside}, which has mode 0777`)
  await chmod(inside, 0o1777)
  expect(await exposureOf('link')).toBeUndefined()
  await chmod(join(inside, 'key'), 0o644)
  expect(await exposureOf('link')).toBe(`${link} has mode 0644, and should have 0600`)
})

test('readSmallFile keeps nothing of the calls that were aborted while the file system does not answer', async () => {
  const { file, answer } = createUnansweredFile(folder)
  const waiting = readSmallFile(file, never)
  // A function of its own, whose variables are gone when it has returned.
  const abortRead = async () => {
    const reason = {}
    await readSmallFile(file, AbortSignal.abort(reason)).catch(() => {})
    return new WeakRef(reason)
  }
  const refs = [await abortRead(), await abortRead()]
  // A WeakRef keeps its object until the turn of the event loop has ended.
  await idle()
  heapUsed()
  expect(refs.map((ref) => ref.deref())).toEqual([undefined, undefined])
  answer()
  await expect(waiting).rejects.toThrow('not a regular file')
})
