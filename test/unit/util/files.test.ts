import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { openSync } from 'node:fs'
import { chmod, mkdir, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { pino } from 'pino'
import { beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { resolveApiserverAddresses, watchApiserverAddresses } from '../../../src/index.ts'
import type { TlsFiles, WatchOptions } from '../../../src/index.ts'
import { readSmallFile } from '../../../src/util/files.ts'
import { createAuthority } from '../../support/certificates.ts'
import type { KeyPair } from '../../support/certificates.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { unusedPort } from '../../support/net.ts'
import { Recorder } from '../../support/recorder.ts'
import '../../support/preload.ts'

/** Files that are opened, by the file; what is left of non-blocking, a pipe that nobody writes to never opens. */
const opened = vi.hoisted(() => [] as string[])
vi.mock('node:fs/promises', async (importOriginal) => {
  const fs = await importOriginal<typeof import('node:fs/promises')>()
  const blocking = async (file: string, flags: string | number, ...more: [number?]) => {
    opened.push(file)
    const code = /\.(E[A-Z]+)$/.exec(file)?.[1]
    if (code !== undefined && readsOf(file) === 1) throw Object.assign(new Error(`${code}: not now`), { code })
    return fs.open(file, file.endsWith('.gone') ? 'r' : flags, ...more)
  }
  return { ...fs, open: blocking, default: fs }
})

let folder: string
beforeEach(() => {
  opened.length = 0
  folder = temporaryFolder()
})
const never = new AbortController().signal
const read = (name: string) => readSmallFile(join(folder, name), never)

/** A file that is never read to its end, as on a file system that is gone; until it is back. */
function goneFile() {
  const file = join(folder, 'key.gone')
  execFileSync('mkfifo', [file])
  /** Whoever waits to open it, opens it; and who has not come to that yet, for it stays open. */
  const comeBack = () => void openSync(file, 'r+')
  onTestFinished(comeBack)
  return { file, comeBack }
}
const readsOf = (file: string) => opened.filter((name) => name === file).length

describe('a read', () => {
  test('gives the bytes, and nobody else who can read them', async () => {
    await writeFile(join(folder, 'key'), 'secret', { mode: 0o600 })
    expect(await read('key')).toEqual({ bytes: Buffer.from('secret'), exposure: undefined })
    await writeFile(join(folder, 'empty'), '')
    expect((await read('empty')).bytes).toHaveLength(0)
  })

  test.each<[string, RegExp, (file: string) => unknown]>([
    ['a pipe', /^not a regular file$/, (file) => execFileSync('mkfifo', [file])],
    ['a device without end', /^not a regular file$/, (file) => symlink('/dev/zero', file)],
    ['a folder', /^not a regular file$/, (file) => mkdir(file)],
    [
      '1 GiB',
      /^1073741824 bytes, more than 1048576$/,
      (file) => writeFile(file, '').then(() => truncate(file, 1 << 30)),
    ],
  ])('refuses %s at once', async (_title, message, make) => {
    await make(join(folder, 'key'))
    await expect(read('key')).rejects.toThrow(message)
  })

  test('that does not end is waited for by all who want the file, until they no longer do', async () => {
    const { file, comeBack } = goneFile()
    const controller = new AbortController()
    const patient = readSmallFile(file, never)
    const impatient = readSmallFile(file, controller.signal)
    controller.abort('enough')
    await expect(impatient).rejects.toBe('enough')
    await expect(readSmallFile(file, controller.signal)).rejects.toBe('enough')
    expect(readsOf(file)).toBe(1)
    comeBack()
    await expect(patient).rejects.toThrow('not a regular file')
    await rm(file)
    await writeFile(file, 'secret')
    expect((await readSmallFile(file, never)).bytes.toString()).toBe('secret')
  })
})

describe('who else can read a key or replace it', () => {
  const owner = process.getuid?.() ?? 0
  // As libpq has it: where it is root's, its group was given it on purpose.
  test.each([
    ['0600', false],
    ['0400', false],
    ['0640', owner !== 0],
    ['0644', true],
    ['0660', true],
    ['0604', true],
  ])('with mode %s: %s', async (mode, told) => {
    const file = join(folder, 'key')
    await writeFile(file, '')
    await chmod(file, mode)
    expect((await read('key')).exposure).toBe(told ? `${file} has mode ${mode}, and should have 0600` : undefined)
  })

  test('is told of the file that a link leads to, and of its folder', async () => {
    const inside = join(folder, 'inside')
    await mkdir(inside)
    await writeFile(join(inside, 'key'), '', { mode: 0o600 })
    const link = join(folder, 'link')
    await symlink(join(inside, 'key'), link)
    expect((await read('link')).exposure).toBeUndefined()
    await chmod(inside, 0o777)
    expect((await read('link')).exposure).toBe(`${link} is in ${inside}, which has mode 0777`)
    await chmod(inside, 0o1777)
    expect((await read('link')).exposure).toBeUndefined()
    await chmod(join(inside, 'key'), 0o644)
    expect((await read('link')).exposure).toBe(`${link} has mode 0644, and should have 0600`)
  })
})

let ca: string
let pair: KeyPair
beforeAll(async () => {
  const authority = await createAuthority()
  ca = authority.cert
  pair = await authority.issue({ commonName: 'client' })
})

test('a key that is open to others is told by one line of the log, in each call and watch, and is used', async () => {
  const files = ['ca', 'cert', 'forged\nkey'].map((name) => join(folder, name))
  const [caFile = '', certFile = '', keyFile = ''] = files
  await Promise.all([
    writeFile(caFile, ca),
    writeFile(certFile, pair.cert),
    writeFile(keyFile, pair.key, { mode: 0o644 }),
  ])
  const lines: { level: number; file?: string; msg: string }[] = []
  const logger = pino({ level: 'warn' }, { write: (line) => void lines.push(JSON.parse(line)) })
  const endpoints = `https://127.0.0.1:${await unusedPort()}`
  const options = {
    endpoints,
    tls: { caFile, certFile, keyFile },
    logger,
    retry: { initialDelayMs: 1, maxAttempts: 3 },
  }
  await expect(resolveApiserverAddresses(options)).rejects.toMatchObject({ reason: 'unreachable', attempts: 3 })
  await expect(watchApiserverAddresses(options).next()).rejects.toMatchObject({ reason: 'unreachable', attempts: 3 })
  const msg = `the client key ${folder}/forged\\u{a}key has mode 0644, and should have 0600`
  expect(lines.filter(({ level }) => level === 40)).toMatchObject([
    { file: keyFile, msg },
    { file: keyFile, msg },
  ])
})

test.each(['EMFILE', 'ENFILE', 'EIO', 'ESTALE'])(
  'a file that the system cannot open for the moment, %s, is read again',
  async (code) => {
    const tls = { caFile: join(folder, `ca.${code}`), certFile: join(folder, 'cert'), keyFile: join(folder, 'key') }
    await Promise.all([writeFile(tls.caFile, ca), writeFile(tls.certFile, pair.cert), writeFile(tls.keyFile, pair.key)])
    const events = new Recorder()
    const endpoints = `https://127.0.0.1:${await unusedPort()}`
    const options = { endpoints, tls, events: events.emitter, retry: { initialDelayMs: 1, maxAttempts: 2 } }
    await expect(resolveApiserverAddresses(options)).rejects.toMatchObject({ reason: 'unreachable', attempts: 2 })
    const { reason, message } = events.of('phase')[0]!
    expect([reason, message]).toEqual([
      'tls-files-unreadable',
      `the CA file ${tls.caFile} cannot be read: ${code}: not now`,
    ])
  },
)

describe('where the key is on a file system that is gone', () => {
  /** Options with such a key. */
  async function gone(): Promise<WatchOptions & { readonly tls: TlsFiles }> {
    const { file } = goneFile()
    const tls = { caFile: join(folder, 'ca'), certFile: join(folder, 'cert'), keyFile: file }
    await Promise.all([writeFile(tls.caFile, ca), writeFile(tls.certFile, pair.cert)])
    return { tls, attemptTimeoutMs: 300, timeoutMs: 1500, retry: { maxDelayMs: 20 } }
  }

  test('a call ends by its deadline, and says what it waits for; no attempt adds another read', async () => {
    const options = await gone()
    const calls = [1, 2].map(() => resolveApiserverAddresses(options).catch((error: unknown) => error))
    for (const error of await Promise.all(calls)) {
      expect(error).toMatchObject({
        code: 'DEADLINE_EXCEEDED',
        reason: 'tls-files-unreadable',
        message: expect.stringContaining(`: ${options.tls.keyFile} cannot be read: its file system does not answer`),
      })
      expect((error as { attempts: number }).attempts).toBeGreaterThan(1)
      expect((error as { elapsedMs: number }).elapsedMs - 1500).toBeLessThan(1600)
    }
    expect(readsOf(options.tls.keyFile)).toBe(1)
  })

  test('a deadline within the first attempt says so too', async () => {
    const options = { ...(await gone()), attemptTimeoutMs: 5000, timeoutMs: 50 }
    await expect(resolveApiserverAddresses(options)).rejects.toMatchObject({
      reason: 'tls-files-unreadable',
      message: expect.stringContaining('its file system does not answer'),
    })
  })

  test('an abort ends a call, and a close a watch, at once', async () => {
    const options = { ...(await gone()), attemptTimeoutMs: 60_000, timeoutMs: Infinity }
    const controller = new AbortController()
    const call = resolveApiserverAddresses({ ...options, signal: controller.signal })
    const watch = watchApiserverAddresses(options)
    const next = watch.next()
    await expect.poll(() => readsOf(options.tls.keyFile)).toBe(1)
    controller.abort('enough')
    await expect(call).rejects.toBe('enough')
    await watch.close()
    expect(await next).toEqual({ done: true, value: undefined })
  })

  test('the command ends by its deadline, as well as it can', async () => {
    const { tls } = await gone()
    // As the mock above: in a process of its own, which Node would keep for as long as the read lasts.
    const preload = `import fs from 'node:fs'
      import { syncBuiltinESMExports } from 'node:module'
      const { open } = fs.promises
      fs.promises.open = (file, flags) => open(file, file.endsWith('.gone') ? 'r' : flags)
      syncBuiltinESMExports()`
    const program = fileURLToPath(new URL('../../../src/cli.ts', import.meta.url))
    const { caFile, certFile, keyFile } = tls
    const flags = ['--cacert', caFile, '--cert', certFile, '--key', keyFile, '--timeout', '4s']
    const child = spawn(process.execPath, [
      '--import',
      `data:text/javascript,${encodeURIComponent(preload)}`,
      program,
      ...flags,
    ])
    onTestFinished(() => void child.kill('SIGKILL'))
    let stderr = ''
    child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text))
    expect(await once(child, 'close')).toEqual([null, 'SIGKILL'])
    expect(stderr).toMatch(/"msg":"rke2\/apiaddresses: timed out after .* its file system does not answer"/)
  })
})
