import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { expect, onTestFinished, test, vi } from 'vitest'
import type { Process } from '../../../src/command/process.ts'
import { ApiserverAddressError } from '../../../src/errors.ts'
import type { ErrorCode } from '../../../src/errors.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { changes, createOutput, firstChange, resolvedList, runCommand } from '../../support/run-command.ts'
import type { Setup } from '../../support/run-command.ts'

const rejecting = (error: unknown): Setup => ({ resolve: () => Promise.reject(error) })
const details = { reason: 'unreachable', attempts: 1, elapsedMs: 10, cause: undefined } as const

test('run prints one address per line to stdout, and nothing to stderr', async () => {
  expect(await runCommand('')).toMatchObject({ code: 0, stdout: '10.0.0.11:6443\n[fd00::1]:6443\n', stderr: '' })
})

test('run with --json prints the result as one line', async () => {
  const { code, stdout } = await runCommand('--json')
  expect(code).toBe(0)
  expect(stdout).toBe(`${JSON.stringify(resolvedList)}\n`)
})

test('run with --watch prints one line with all addresses at every change', async () => {
  const second = { ...firstChange, addresses: ['10.0.0.12:6443'] }
  const { code, stdout } = await runCommand('--watch', { watch: () => changes(second) })
  expect(stdout).toBe('10.0.0.11:6443 [fd00::1]:6443\n10.0.0.12:6443\n')
  expect(code).toBe(0)
})

test('run with --watch and --json prints every change as one line', async () => {
  const { stdout } = await runCommand('--watch --json')
  expect(stdout).toBe(`${JSON.stringify(firstChange)}\n`)
})

test.each(['--version', '-V'])('run with %s prints the version', async (flag) => {
  expect(await runCommand(flag)).toMatchObject({ code: 0, stdout: '1.2.3\n', stderr: '' })
})

test('run ends with 0 and without a message when the reader of stdout has left', async () => {
  for (const args of ['', '--watch', '--help']) {
    const stdout = createOutput({ failure: 'EPIPE' })
    expect(await runCommand(args, { stdout })).toMatchObject({ code: 0, stderr: '' })
  }
})

test('run ends with 1 when the list cannot be written', async () => {
  const { code, stderr } = await runCommand('', { stdout: createOutput({ failure: 'ENOSPC' }) })
  expect(code).toBe(1)
  expect(stderr).toBe('rke2-apiserver-resolver: cannot write to stdout: ENOSPC: cannot\n')
})

test.for<[ErrorCode, number]>([
  ['REJECTED', 1],
  ['ATTEMPTS_EXHAUSTED', 1],
  ['DEADLINE_EXCEEDED', 3],
  ['CLOSED', 1],
])('run ends after the error %s with %d, and prints nothing to stdout', async ([code, expected]) => {
  const error = new ApiserverAddressError('rke2/apiaddresses: no list', { code, ...details })
  expect(await runCommand('', rejecting(error))).toMatchObject({ code: expected, stdout: '' })
})

test.for([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)('run that %s stops before there is a list ends with %d', async ([name, expected]) => {
  const signal = AbortSignal.abort(name)
  const watch = () => ({ [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(name) }) })
  const resolved = await runCommand('', { signal, ...rejecting(name) })
  expect(resolved).toMatchObject({ code: expected, stdout: '', stderr: '' })
  expect(await runCommand('--watch', { signal, watch })).toMatchObject({ code: expected })
  expect(await runCommand('--watch', { signal, watch: async function* () {} })).toMatchObject({ code: expected })
})

test.for(['SIGINT', 'SIGTERM'])('run with --watch that %s stops after the first list ends with 0', async (name) => {
  const controller = new AbortController()
  const watch = async function* () {
    yield firstChange
    controller.abort(name)
    throw name
  }
  expect(await runCommand('--watch', { signal: controller.signal, watch })).toMatchObject({ code: 0 })
})

/** Creates an output on which the given write never ends, and a signal that aborts while `run` waits for that write. */
function createBlockedOutput(blockedWrite: number): Pick<Process, 'stdout' | 'signal'> {
  const controller = new AbortController()
  let writes = 0
  const stdout = new Writable({
    write(_chunk, _encoding, done) {
      if (++writes < blockedWrite) done()
      else setImmediate(() => controller.abort('SIGTERM'))
    },
  })
  return { stdout, signal: controller.signal }
}

test.for([
  ['', 1, 143],
  ['--help', 1, 143],
  ['--watch', 1, 143],
  ['--watch', 2, 0],
] as const)('run with %j ends a second after SIGTERM when write %d to stdout never ends', async (row) => {
  const [args, blockedWrite, expected] = row
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  onTestFinished(() => void vi.useRealTimers())
  const output = createBlockedOutput(blockedWrite)
  const ended = runCommand(args, { ...output, watch: () => changes(firstChange) })
  await once(output.signal, 'abort')
  await vi.advanceTimersByTimeAsync(1000)
  expect(await ended).toMatchObject({ code: expected, stderr: '' })
})

test('run rejects with an error that is a defect of the program', async () => {
  const defect = new TypeError('x is not a function')
  await expect(runCommand('', rejecting(defect))).rejects.toBe(defect)
})

test.each([
  ['', '10.0.0.11:6443\n[fd00::1]:6443\n'],
  ['--json', `${JSON.stringify(resolvedList)}\n`],
])('run with --output and %j writes the list to the file, and nothing to stdout', async (args, content) => {
  const file = join(temporaryFolder(), 'list')
  expect(await runCommand(`--output ${file} ${args}`)).toMatchObject({ code: 0, stdout: '', stderr: '' })
  expect(readFileSync(file, 'utf8')).toBe(content)
})

test('run with --output and --watch writes the file at every change', async () => {
  const file = join(temporaryFolder(), 'list')
  const seen: string[] = []
  const read = () => seen.push(readFileSync(file, 'utf8'))
  const watch = async function* () {
    yield firstChange
    read()
    yield { ...firstChange, addresses: ['10.0.0.12:6443'] }
    read()
  }
  expect(await runCommand(`--watch --output ${file}`, { watch })).toMatchObject({ code: 0, stdout: '' })
  expect(seen).toEqual(['10.0.0.11:6443\n[fd00::1]:6443\n', '10.0.0.12:6443\n'])
})

test('run with --output - prints to stdout', async () => {
  expect((await runCommand('--output -')).stdout).toBe('10.0.0.11:6443\n[fd00::1]:6443\n')
})

test('run with --output checks the file before it waits, and ends with 1 if it cannot be written', async () => {
  let calls = 0
  const resolve = async () => (calls++, resolvedList)
  const file = join(temporaryFolder(), 'missing', 'list')
  const { code, stderr } = await runCommand(`--output ${file} -- touch ${file}`, { resolve })
  expect([code, calls]).toEqual([1, 0])
  expect(stderr).toMatch(`rke2-apiserver-resolver: cannot write ${file}: ENOENT`)
})

test('run starts the program after the wait, with the list in its environment and nothing of ours on stdout', async () => {
  const file = join(temporaryFolder(), 'environment')
  const script = `echo "$APISERVER_ADDRESSES $APISERVER_URLS $OTHER" > ${file}; exit 7`
  const { code, stdout, stderr } = await runCommand(['--json', '--', 'sh', '-c', script], {
    env: { PATH: process.env['PATH'], OTHER: 'other', APISERVER_URLS: 'of the parent' },
  })
  expect({ code, stdout, stderr }).toEqual({ code: 7, stdout: '', stderr: '' })
  expect(readFileSync(file, 'utf8')).toBe(
    '10.0.0.11:6443,[fd00::1]:6443 https://10.0.0.11:6443,https://[fd00::1]:6443 other\n',
  )
})

test('run writes the file of --output before the program starts', async () => {
  const file = join(temporaryFolder(), 'list')
  const { code } = await runCommand(['--output', file, '--', 'grep', '-q', '10.0.0.11:6443', file], {
    env: { PATH: process.env['PATH'] },
  })
  expect(code).toBe(0)
})

test.each<[string, Setup, number]>([
  ['fails', rejecting(new ApiserverAddressError('no list', { code: 'DEADLINE_EXCEEDED', ...details })), 3],
  ['is stopped', { signal: AbortSignal.abort('SIGTERM'), ...rejecting('SIGTERM') }, 143],
])('run does not start the program if the wait %s', async (_title, setup, expected) => {
  const file = join(temporaryFolder(), 'started')
  const { code } = await runCommand(['--', 'touch', file], { env: { PATH: process.env['PATH'] }, ...setup })
  expect(code).toBe(expected)
  expect(existsSync(file)).toBe(false)
})

test.each([
  ['no-such-program', 127],
  ['/', 126],
])('run names a program that cannot be started: %s', async (program, expected) => {
  const { code, stdout, stderr } = await runCommand(['--', program])
  expect({ code, stdout }).toEqual({ code: expected, stdout: '' })
  expect(stderr).toMatch(`rke2-apiserver-resolver: cannot start ${program}: `)
})
