import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test, vi } from 'vitest'
import { parseOptions } from '../../../src/call/config.ts'
import type { ApiserverAddressError, ResolveOptions, TlsFiles } from '../../../src/index.ts'
import { resolveApiserverAddresses, watchApiserverAddresses } from '../../../src/index.ts'
import { resolve } from '../../../src/resolve.ts'
import { createAuthority } from '../../support/certificates.ts'
import type { KeyPair } from '../../support/certificates.ts'
import { VirtualClock } from '../../support/clock.ts'
import { canPreload, commandLine } from '../../support/command-program.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { unusedPort } from '../../support/net.ts'
import { Recorder } from '../../support/recorder.ts'
import { createUnansweredFile, openUnanswered } from '../../support/unanswered-file.ts'
import '../../support/preload.ts'
import type { ClientTlsFiles } from '../../../src/rke2.ts'

/** The files that were opened. A file whose name ends in an error code fails with it when it is opened first. */
const opened: string[] = []
const { open } = fs.promises
const openAndNote = openUnanswered(async (file, flags) => {
  opened.push(file)
  const code = /\.(E[A-Z_]+)$/.exec(file)?.[1]
  if (code !== undefined && timesOpened(file) === 1) throw Object.assign(new Error(`${code}: not now`), { code })
  return open(file, flags)
})
vi.spyOn(fs.promises, 'open').mockImplementation(openAndNote as typeof open)
afterAll(() => void vi.restoreAllMocks())
const timesOpened = (file: string) => opened.filter((name) => name === file).length

let folder: string
beforeEach(() => {
  opened.length = 0
  folder = temporaryFolder()
})

let ca: string
let pair: KeyPair
beforeAll(async () => {
  const authority = await createAuthority()
  ca = authority.cert
  pair = await authority.issue({ commonName: 'client' })
})

async function writeFiles({ caFile, certFile, keyFile }: ClientTlsFiles, mode = 0o600): Promise<void> {
  await Promise.all([writeFile(caFile, ca), writeFile(certFile, pair.cert), writeFile(keyFile, pair.key, { mode })])
}

test('resolve and watch log once that others can read the client key, and use the key', async () => {
  const tls = { caFile: join(folder, 'ca'), certFile: join(folder, 'cert'), keyFile: join(folder, 'forged\nkey') }
  await writeFiles(tls, 0o644)
  const lines: { level: number; file?: string; msg: string }[] = []
  const logger = pino({ level: 'warn' }, { write: (line) => void lines.push(JSON.parse(line)) })
  const endpoints = `https://127.0.0.1:${await unusedPort()}`
  const options = { endpoints, tls, logger, retry: { initialDelayMs: 1, maxAttempts: 3 } }
  await expect(resolveApiserverAddresses(options)).rejects.toMatchObject({ reason: 'unreachable', attempts: 3 })
  await expect(watchApiserverAddresses(options).next()).rejects.toMatchObject({ reason: 'unreachable', attempts: 3 })
  const msg = `the client key ${folder}/forged\\u{a}key has mode 0644, and should have 0600`
  expect(lines.filter(({ level }) => level === 40)).toMatchObject([
    { file: tls.keyFile, msg },
    { file: tls.keyFile, msg },
  ])
})

const passing = ['EMFILE', 'ENFILE', 'EIO', 'ESTALE', 'ENOTCONN', 'ETIMEDOUT', 'ENODEV', 'ENXIO', 'ENOMEM', 'EAGAIN']

test.each(passing)('resolve reads a file again after %s', async (code) => {
  const tls = { caFile: join(folder, `ca.${code}`), certFile: join(folder, 'cert'), keyFile: join(folder, 'key') }
  await writeFiles(tls)
  const events = new Recorder()
  const endpoints = `https://127.0.0.1:${await unusedPort()}`
  const options = { endpoints, tls, events: events.emitter, retry: { initialDelayMs: 1, maxAttempts: 2 } }
  await expect(resolveApiserverAddresses(options)).rejects.toMatchObject({ reason: 'unreachable', attempts: 2 })
  const { reason, message } = events.of('phase')[0]!
  expect([reason, message]).toEqual([
    'tls-files-unreadable',
    `the CA file ${tls.caFile} cannot be read: ${code}: not now`,
  ])
})

test.each(['EACCES', 'EPERM', 'EISDIR', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG', 'ERR_ACCESS_DENIED'])(
  'resolve rejects at once after %s',
  async (code) => {
    const tls = { caFile: join(folder, `ca.${code}`), certFile: join(folder, 'cert'), keyFile: join(folder, 'key') }
    await writeFiles(tls)
    await expect(resolveApiserverAddresses({ tls })).rejects.toMatchObject({
      code: 'REJECTED',
      reason: 'tls-files-unreadable',
      attempts: 1,
    })
  },
)

/** Returns the paths of certificate files, one of which is on a file system that does not answer. */
async function unansweredFiles(unanswered: keyof TlsFiles): Promise<ClientTlsFiles> {
  const files = { caFile: join(folder, 'ca'), certFile: join(folder, 'cert'), keyFile: join(folder, 'key') }
  await writeFiles(files)
  return { ...files, [unanswered]: createUnansweredFile(folder).file }
}

test('resolve ends by its deadline while a file system does not answer, and reads the file only once', async () => {
  // The CA file, because no other file is read before it: this call waits for nothing but the clock.
  const tls = await unansweredFiles('caFile')
  const clock = new VirtualClock()
  const config = parseOptions({ tls, attemptTimeoutMs: 300, timeoutMs: 1500, retry: { maxDelayMs: 20 } }, 'resolve')
  const calls = [1, 2].map(() => resolve(config, clock).catch((error: ApiserverAddressError) => error))
  await expect.poll(() => timesOpened(tls.caFile)).toBe(1)
  await clock.advance(1500)
  for (const error of await Promise.all(calls)) {
    expect(error).toMatchObject({
      code: 'DEADLINE_EXCEEDED',
      reason: 'tls-files-unreadable',
      elapsedMs: 1500,
      message: expect.stringContaining(`: ${tls.caFile} cannot be read: its file system does not answer`),
    })
    expect(error.attempts).toBeGreaterThan(1)
  }
  expect(timesOpened(tls.caFile)).toBe(1)
})

test('resolve names the file that does not answer when its deadline ends the first attempt', async () => {
  const tls = await unansweredFiles('keyFile')
  const clock = new VirtualClock()
  const call = resolve(parseOptions({ tls, timeoutMs: 50 }, 'resolve'), clock).catch((error: unknown) => error)
  await expect.poll(() => timesOpened(tls.keyFile)).toBe(1)
  await clock.advance(50)
  expect(await call).toMatchObject({
    reason: 'tls-files-unreadable',
    message: expect.stringContaining(`${tls.keyFile} cannot be read: its file system does not answer`),
  })
})

test('an abort ends resolve, and close() ends a watch, while a file system does not answer', async () => {
  const tls = await unansweredFiles('keyFile')
  const options: ResolveOptions = { tls, attemptTimeoutMs: 60_000, timeoutMs: Infinity }
  const controller = new AbortController()
  const call = resolveApiserverAddresses({ ...options, signal: controller.signal })
  const watch = watchApiserverAddresses(options)
  const next = watch.next()
  await expect.poll(() => timesOpened(tls.keyFile)).toBe(1)
  controller.abort('enough')
  await expect(call).rejects.toBe('enough')
  await watch.close()
  expect(await next).toEqual({ done: true, value: undefined })
})

test.runIf(canPreload)('the command kills itself after its deadline while a file system does not answer', async () => {
  const { caFile, certFile, keyFile } = await unansweredFiles('keyFile')
  // The same replacement of `open` as above, in a process of its own, which Node would keep for as long as the read lasts.
  const preload = `import fs from 'node:fs'
    import { syncBuiltinESMExports } from 'node:module'
    const { open } = fs.promises
    fs.promises.open = (file, flags) => open(file, file.endsWith('.unanswered') ? 'r' : flags)
    syncBuiltinESMExports()`
  const flags = ['--cacert', caFile, '--cert', certFile, '--key', keyFile, '--timeout', '4s']
  const [command = '', ...args] = [...commandLine(preload), ...flags]
  const child = spawn(command, args)
  onTestFinished(() => void child.kill('SIGKILL'))
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text))
  expect(await once(child, 'close')).toEqual([null, 'SIGKILL'])
  expect(stderr).toMatch(/"msg":"rke2\/apiaddresses: timed out after .* its file system does not answer"/)
})
