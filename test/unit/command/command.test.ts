import type { EventEmitter } from 'node:events'
import { expect, test } from 'vitest'
import type { Process } from '../../../src/command/command.ts'
import { ApiserverAddressError } from '../../../src/errors.ts'
import type { ErrorCode } from '../../../src/errors.ts'
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

test('run with --version prints the version', async () => {
  expect(await runCommand('--version')).toMatchObject({ code: 0, stdout: '1.2.3\n', stderr: '' })
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

test('run rejects with an error that is a defect of the program', async () => {
  const defect = new TypeError('x is not a function')
  await expect(runCommand('', rejecting(defect))).rejects.toBe(defect)
})

const waiting: Setup = {
  async resolve({ events, logger }) {
    events?.emit('attempt', { type: 'attempt', attempt: 1, source: 'etcd' })
    logger?.info({}, 'waiting for etcd')
    logger?.error({}, 'no list')
    return resolvedList
  },
}
const lines = (text: string) => text.split('\n').filter(Boolean)

test('run logs JSON lines to stderr, with the level as a word', async () => {
  const [first = ''] = lines((await runCommand('', waiting)).stderr)
  expect(JSON.parse(first)).toEqual({ level: 'info', time: expect.stringMatching(/T.*Z$/), msg: 'waiting for etcd' })
})

test('run logs from the level of --log-level on', async () => {
  expect(lines((await runCommand('--log-level error', waiting)).stderr)).toHaveLength(1)
  expect((await runCommand('--log-level silent', waiting)).stderr).toBe('')
})

test('run shows the live line only on a terminal that is not dumb, and without --log-level', async () => {
  const shown = async (args: string, env: Process['env'] = {}) => {
    const stderr = createOutput({ isTTY: true })
    await runCommand(args, { ...waiting, stderr, env })
    return stderr.text()
  }
  expect(await shown('')).toMatch(/^\r\x1b\[K +0\.0s {2}reading the key/)
  expect(await shown('--log-level info')).toMatch(/^\{"level":"info"/)
  expect(await shown('', { TERM: 'dumb' })).toMatch(/^\{"level":"info"/)
})

test('run shows on a terminal the warning that the client key is open to others, and no other line of the log', async () => {
  const stderr = createOutput({ isTTY: true })
  await runCommand('', {
    stderr,
    async resolve({ logger }) {
      const child = logger?.child?.({})
      child?.warn({ file: 'client.key' }, 'the client key client.key has mode 0644')
      child?.warn({ revision: '7' }, "etcd's history was replaced")
      child?.info({}, 'waiting for etcd')
      return resolvedList
    },
  })
  expect(stderr.text()).toBe('    0.0s  the client key client.key has mode 0644\n')
})

test('run leaves no listener on the events', async () => {
  let left: EventEmitter | undefined
  await runCommand('', {
    stderr: createOutput({ isTTY: true }),
    resolve: async ({ events }) => ((left = events as EventEmitter), resolvedList),
  })
  expect(left?.eventNames()).toEqual([])
})
