import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest'
import { canPreload, commandLine } from '../support/command-program.ts'
import { startEtcd } from '../support/etcd.ts'
import type { EtcdCluster } from '../support/etcd.ts'
import { temporaryFolder } from '../support/folder.ts'
import { runInContainer } from '../support/run-in-container.ts'

const first = '10.0.0.11:6443'
const one = [first]
const three = [first, '10.0.0.12:6443', '10.0.0.13:6443']

let etcd: EtcdCluster
beforeAll(async () => {
  etcd = await startEtcd()
})
afterAll(() => etcd[Symbol.asyncDispose]())

let keys = 0
/** Returns a new key with the flags to read it. */
function freshKey() {
  const key = `test/${++keys}`
  const flags = ['--data-dir', etcd.dataDir, '--endpoints', etcd.endpoints.join(), '--address-key', key]
  return { key, flags, store: (addresses: readonly string[]) => etcd.put(key, `${JSON.stringify(addresses)}\n`) }
}

/** Runs the command in a process of its own, or a shell line in which `"$@"` is the command. */
function start(args: readonly string[], { shell, env }: { shell?: string; env?: Record<string, string> } = {}) {
  const command = [...commandLine(), ...args]
  const [file = '', ...rest] = shell === undefined ? command : ['bash', '-c', shell, 'bash', ...command]
  // Node 22 prints a warning that it strips types.
  const child = spawn(file, rest, {
    env: { PATH: process.env['PATH'], NODE_NO_WARNINGS: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const output = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (chunk) => (output[name] += chunk))
  }
  const ended = once(child, 'close').then(([code, signal]) => ({ code: code ?? signal, ...output }))
  return {
    ended,
    kill: (signal: NodeJS.Signals) => child.kill(signal),
    /** Resolves when the command has printed this text; rejects if it ends without. */
    async until(stream: 'stdout' | 'stderr', text: string): Promise<void> {
      const early = ended.then((result) => Promise.reject(new Error(`ended without ${text}`, { cause: result })))
      while (!output[stream].includes(text)) await Promise.race([once(child[stream], 'data'), early])
      early.catch(() => {})
    },
  }
}

const parseLog = (stderr: string) =>
  stderr
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))

test('the command prints the list when it is complete, and logs what it waits for', async () => {
  const { flags, store } = freshKey()
  const command = start([...flags, '--min', '3'])
  await command.until('stderr', '"reason":"not-set"')
  await store(one)
  await command.until('stderr', '"reason":"incomplete"')
  await store(three)
  const { code, stdout, stderr } = await command.ended
  expect({ code, stdout }).toEqual({ code: 0, stdout: `${three.join('\n')}\n` })
  expect(parseLog(stderr).map(({ level, reason }) => [level, reason])).toEqual([
    ['info', 'not-set'],
    ['info', 'incomplete'],
    ['info', undefined],
  ])
})

test('the command prints one JSON object with --json', async () => {
  const { flags, store } = freshKey()
  const revision = await store(three)
  const { stdout } = await start([...flags, '--json']).ended
  expect(stdout).toMatch(/^[^\n]+\n$/)
  expect(JSON.parse(stdout)).toEqual({
    addresses: three,
    urls: three.map((address) => `https://${address}`),
    source: 'etcd',
    revision,
    attempts: 1,
    elapsedMs: expect.any(Number),
  })
})

test("the command reads etcd with etcdctl's environment variables", async () => {
  const { key, store } = freshKey()
  await store(one)
  const env = {
    ETCDCTL_ENDPOINTS: etcd.endpoints.join(),
    ETCDCTL_CACERT: etcd.tls.caFile,
    ETCDCTL_CERT: etcd.tls.certFile,
    ETCDCTL_KEY: etcd.tls.keyFile,
  }
  expect(await start(['--address-key', key], { env }).ended).toMatchObject({ code: 0, stdout: `${first}\n` })
})

test('the command exits with 0 when its reader closes stdout after the first line', async () => {
  const { flags, store } = freshKey()
  await store(three)
  const { code, stdout, stderr } = await start(flags, { shell: 'set -o pipefail; "$@" | head -1' }).ended
  expect({ code, stdout }).toEqual({ code: 0, stdout: `${first}\n` })
  expect(parseLog(stderr)).toHaveLength(1)
})

test('the command exits with 1 when it cannot write the list to stdout', async () => {
  const { flags, store } = freshKey()
  await store(three)
  const { code, stderr } = await start([...flags, '--log-level', 'silent'], { shell: '"$@" > /dev/full' }).ended
  expect(code).toBe(1)
  expect(stderr).toMatch(/^rke2-apiserver-resolver: cannot write to stdout: ENOSPC/)
})

test('the command exits with 3 when there is no list within --timeout', async () => {
  const { code, stdout, stderr } = await start([...freshKey().flags, '--timeout', '3s']).ended
  expect({ code, stdout }).toEqual({ code: 3, stdout: '' })
  expect(parseLog(stderr).at(-1)).toMatchObject({ level: 'error', msg: expect.stringContaining('timed out') })
})

test('the command exits with 1 when there is no list after --max-attempts', async () => {
  const args = [...freshKey().flags, '--max-attempts', '2', '--initial-delay', '1ms', '--log-level', 'error']
  const { code, stdout, stderr } = await start(args).ended
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  expect(parseLog(stderr)).toMatchObject([{ level: 'error', msg: expect.stringContaining('2 attempts') }])
})

test('the command exits with 1 when the value is invalid', async () => {
  const { key, flags } = freshKey()
  await etcd.put(key, 'rubbish')
  const { code, stdout, stderr } = await start(flags).ended
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  expect(parseLog(stderr).at(-1)).toMatchObject({ level: 'error', msg: expect.stringContaining('rubbish') })
})

test.for([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)('the command that waits for a list and gets %s exits with %d', async ([signal, expected]) => {
  const command = start(freshKey().flags)
  await command.until('stderr', '"reason":"not-set"')
  command.kill(signal)
  expect(await command.ended).toMatchObject({ code: expected, stdout: '' })
})

test('the command exits with 2 for an invalid flag, without a read', async () => {
  const { code, stdout, stderr } = await start(['--min', '0']).ended
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  expect(stderr).toMatch(/^rke2-apiserver-resolver: --min .* got 0 \(see --help\)\n$/)
})

test('the command with --watch prints a line for each change, and exits with 0 after SIGTERM', async () => {
  const { flags, store } = freshKey()
  await store(one)
  const command = start([...flags, '--watch', '--shrink-delay', '100ms'])
  await command.until('stdout', '10.0.0.11')
  await store(three)
  await command.until('stdout', '10.0.0.13')
  await store(one)
  await command.until('stdout', `${three.join(' ')}\n${first}\n`)
  command.kill('SIGTERM')
  expect(await command.ended).toMatchObject({ code: 0, stdout: `${first}\n${three.join(' ')}\n${first}\n` })
})

test('the command with --watch and --output keeps the file, and prints nothing', async () => {
  const { flags, store } = freshKey()
  const file = join(etcd.dataDir, 'list')
  const content = (expected: readonly string[]) =>
    vi.waitFor(() => expect(readFileSync(file, 'utf8')).toBe(`${expected.join('\n')}\n`), 10_000)
  await store(one)
  const command = start([...flags, '--watch', '--shrink-delay', '0'], { env: { RKE2_APISERVER_RESOLVER_OUTPUT: file } })
  await content(one)
  await store(three)
  await content(three)
  command.kill('SIGTERM')
  expect(await command.ended).toMatchObject({ code: 0, stdout: '' })
  expect(readFileSync(file, 'utf8')).toBe(`${three.join('\n')}\n`)
})

test('the command starts a program when the list is complete, and not before', async () => {
  const { flags, store } = freshKey()
  await store(one)
  const command = start([...flags, '--min', '3', '--', 'sh', '-c', 'echo "$APISERVER_URLS"; exit 7'])
  await command.until('stderr', '"reason":"incomplete"')
  await store(three)
  const urls = three.map((address) => `https://${address}`)
  expect(await command.ended).toMatchObject({ code: 7, stdout: `${urls.join()}\n` })
})

test('the command with --watch exits with 0 when its reader closes stdout', async () => {
  const { flags, store } = freshKey()
  await store(one)
  const command = start([...flags, '--watch', '--json'], { shell: 'set -o pipefail; "$@" | head -1' })
  await command.until('stdout', '}')
  await store(three)
  const { code, stdout, stderr } = await command.ended
  expect(code).toBe(0)
  expect(JSON.parse(stdout)).toMatchObject({ addresses: one, added: one, removed: [] })
  expect(stderr).not.toMatch(/EPIPE/)
})

test.runIf(canPreload)(
  'the command as the first process of a container ends although a file never answers',
  async () => {
    const folder = temporaryFolder()
    const file = join(folder, 'unanswered')
    execFileSync('mkfifo', [file])
    const { flags, store } = freshKey()
    await store(one)
    const { code, stdout } = await runInContainer({
      // Opening a pipe without a writer blocks.
      program: [...commandLine(`process.getBuiltinModule('fs').promises.readFile(${JSON.stringify(file)})`), ...flags],
      mounts: { [folder]: folder, [etcd.dataDir]: etcd.dataDir },
    })
    expect({ code, stdout }).toEqual({ code: 139, stdout: `${first}\n` })
  },
)
