import fs, {
  chmod,
  chown,
  lstat,
  mkdir,
  open,
  readdir,
  readFile,
  readlink,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { OutputFile } from '../../../src/command/output-file.ts'
import { temporaryFolder } from '../../support/folder.ts'

const { signal } = new AbortController()
const modeOf = async (file: string) => (await stat(file)).mode & 0o7777

function createFile(): { folder: string; path: string; file: OutputFile } {
  const folder = temporaryFolder()
  const path = join(folder, 'list')
  return { folder, path, file: new OutputFile(path) }
}

/** Replaces a function of node:fs/promises, until the end of the test, by one that returns this promise. */
function replaceFunction(name: 'open' | 'stat', result: Promise<unknown>): void {
  const original = fs[name]
  Object.assign(fs, { [name]: () => result })
  syncBuiltinESMExports()
  onTestFinished(() => {
    Object.assign(fs, { [name]: original })
    syncBuiltinESMExports()
  })
}

/** Lets a method of every open file fail until the end of the test. */
async function failFiles(folder: string, method: 'writeFile' | 'sync' | 'chown', code: string): Promise<void> {
  const path = join(folder, 'prototype')
  const handle = await open(path, 'w')
  const prototype = Object.getPrototypeOf(handle) as typeof handle
  await handle.close()
  await fs.rm(path)
  const error = Object.assign(new Error(`${code}: cannot`), { code })
  const spy = vi.spyOn(prototype, method).mockRejectedValue(error)
  onTestFinished(() => spy.mockRestore())
}

test('OutputFile.write creates a file that everybody can read, and leaves nothing else', async () => {
  const { folder, path, file } = createFile()
  const umask = process.umask(0o077)
  onTestFinished(() => void process.umask(umask))
  await file.write('a:6443\n', signal)
  expect(await readFile(path, 'utf8')).toBe('a:6443\n')
  expect(await modeOf(path)).toBe(0o644)
  expect(await readdir(folder)).toEqual(['list'])
})

test('OutputFile.write replaces a file by another one with the same mode', async () => {
  const { path, file } = createFile()
  await writeFile(path, 'old')
  await chmod(path, 0o640)
  const before = await stat(path)
  await file.write('new', signal)
  expect([await readFile(path, 'utf8'), await modeOf(path)]).toEqual(['new', 0o640])
  expect((await stat(path)).ino).not.toBe(before.ino)
})

test('OutputFile.write keeps the owner and the group of the file', async () => {
  const { path, file } = createFile()
  await writeFile(path, 'old')
  const own = await stat(path)
  // Only root can give a file to another owner.
  const [owner, group] = process.getuid?.() === 0 ? [1234, 2345] : [own.uid, own.gid]
  await chown(path, owner, group)
  await chmod(path, 0o2755)
  await file.write('new', signal)
  const { uid, gid } = await stat(path)
  expect([uid, gid, await modeOf(path)]).toEqual([owner, group, 0o2755])
})

test('OutputFile.write syncs the new file before it takes the place of the old one', async () => {
  const { folder, path, file } = createFile()
  await writeFile(path, 'old')
  await failFiles(folder, 'sync', 'EIO')
  await expect(file.write('new', signal)).rejects.toThrow('EIO')
  expect(await readFile(path, 'utf8')).toBe('old')
})

test.each([
  ['that exists', true],
  ['that does not exist yet', false],
])('OutputFile.write replaces the target of a symbolic link %s, and keeps the link', async (_title, exists) => {
  const { folder, path, file } = createFile()
  await mkdir(join(folder, 'data'))
  const target = join(folder, 'data', 'target')
  if (exists) await writeFile(target, 'old')
  await symlink('data/link', path)
  await symlink('target', join(folder, 'data', 'link'))
  await file.check(signal)
  await file.write('new', signal)
  expect([await readFile(target, 'utf8'), (await lstat(target)).isFile()]).toEqual(['new', true])
  expect(await readlink(path)).toBe('data/link')
  expect(await readdir(join(folder, 'data'))).toEqual(['link', 'target'])
})

test('OutputFile.write never leaves a reader with a part of a list, or without a list', async () => {
  const { path, file } = createFile()
  const lists = ['a', 'b'].map((name) => `${`${name}:6443\n`.repeat(10_000)}end\n`)
  await file.write(lists[0]!, signal)
  const seen = new Set<string>()
  const writer = { isDone: false }
  const reading = (async () => {
    while (!writer.isDone) seen.add(await readFile(path, 'utf8'))
  })()
  for (let count = 0; count < 100; count++) await file.write(lists[count % 2]!, signal)
  writer.isDone = true
  await reading
  expect(lists).toEqual(expect.arrayContaining([...seen]))
})

test('OutputFile.write on a full disk keeps the old file, names it, and leaves nothing else', async () => {
  const { folder, path, file } = createFile()
  await writeFile(path, 'old')
  await failFiles(folder, 'writeFile', 'ENOSPC')
  await expect(file.write('new', signal)).rejects.toMatchObject({
    message: `cannot write ${path}: ENOSPC: cannot`,
    code: 'ENOSPC',
  })
  expect(await readFile(path, 'utf8')).toBe('old')
  expect(await readdir(folder)).toEqual(['list'])
})

test('OutputFile.check changes nothing', async () => {
  const { folder, path, file } = createFile()
  await file.check(signal)
  expect(await readdir(folder)).toEqual([])
  await writeFile(path, 'old')
  const before = await stat(path)
  await file.check(signal)
  expect(await stat(path)).toEqual(before)
  expect(await readdir(folder)).toEqual(['list'])
})

test.each<[string, string, (path: string) => unknown]>([
  ['in a folder that does not exist', 'ENOENT', () => {}],
  ['in a file', 'ENOTDIR', (path) => writeFile(join(path, '..'), '')],
  ['that is a folder', 'it is not a regular file', (path) => mkdir(path, { recursive: true })],
  ['that is a link to itself', 'ELOOP', async (path) => (await mkdir(join(path, '..')), symlink(path, path))],
])('OutputFile.check refuses a file %s', async (_title, problem, prepare) => {
  const path = join(temporaryFolder(), 'folder', 'list')
  await prepare(path)
  const checked = new OutputFile(path).check(signal)
  await expect(checked).rejects.toThrow(`cannot write ${path}: ${problem}`)
  await expect(checked).rejects.toMatchObject({ name: 'Error' })
})

test('OutputFile.check refuses a device, which cannot be replaced', async () => {
  await expect(new OutputFile('/dev/null').check(signal)).rejects.toThrow('/dev/null: it is not a regular file')
})

test('OutputFile.check refuses a file whose owner cannot be kept, and leaves nothing', async () => {
  const { folder, path, file } = createFile()
  await writeFile(path, 'old')
  const ofOthers = Object.assign(await stat(path), { uid: 1 })
  replaceFunction('stat', Promise.resolve(ofOthers))
  await failFiles(folder, 'chown', 'EPERM')
  await expect(file.check(signal)).rejects.toThrow(`cannot write ${path}: EPERM`)
  expect(await readdir(folder)).toEqual(['list'])
})

test('OutputFile.check rejects with signal.reason at once while the file system does not answer', async () => {
  const controller = new AbortController()
  replaceFunction('open', new Promise(() => {}))
  const checked = createFile().file.check(controller.signal)
  controller.abort('SIGTERM')
  await expect(checked).rejects.toBe('SIGTERM')
})

test('OutputFile.write ends what it has begun after a signal, unless the file system does not answer', async () => {
  const { path, file } = createFile()
  const controller = new AbortController()
  const written = file.write('new', controller.signal)
  controller.abort('SIGTERM')
  await written
  expect(await readFile(path, 'utf8')).toBe('new')

  vi.useFakeTimers({ toFake: ['setTimeout'] })
  onTestFinished(() => void vi.useRealTimers())
  replaceFunction('open', new Promise(() => {}))
  const hanging = file.write('newer', controller.signal)
  vi.advanceTimersByTime(1000)
  await expect(hanging).rejects.toBe('SIGTERM')
})
