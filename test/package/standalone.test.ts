import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test as base, expect, vi } from 'vitest'
import { buildExecutable } from '../../build/executable.ts'
import { buildSingleFile } from '../../build/single-file.ts'
import manifest from '../../package.json' with { type: 'json' }
import { temporaryFolder } from '../support/folder.ts'
import { startHostileEtcd } from '../support/hostile-etcd.ts'

// The first test builds the executable, which writes 110 MB twice.
vi.setConfig({ testTimeout: 240_000 })

// An executable for macOS would have to be signed.
const isLinux = process.platform === 'linux'
const cli = join(import.meta.dirname, '../../dist/cli.js')

interface Result {
  readonly code: number | string
  readonly stdout: string
  readonly stderr: string
}

/** Runs a program in an empty folder. */
function run([file = '', ...args]: readonly string[], env: Record<string, string> = {}): Promise<Result> {
  const options = { cwd: temporaryFolder(), env: { PATH: '/usr/bin:/bin', ...env } }
  return new Promise((resolve) => {
    execFile(file, args, options, (error, stdout, stderr) =>
      resolve({ code: error?.code ?? error?.signal ?? 0, stdout, stderr }),
    )
  })
}

/** Leaves out the times, which differ between two runs. */
const withoutTimes = ({ stderr, ...rest }: Result): Result => ({
  ...rest,
  stderr: stderr.replaceAll(/"time":"[^"]+"|elapsedMs"?[:=]\d+|\b\d+\.\d s\b/g, ''),
})

/** The command lines that start the single file and the executable. Each is in a folder with nothing else. */
const test = base.extend('programs', { scope: 'file' }, async ({}, { onCleanup }) => {
  const folder = mkdtempSync(join(tmpdir(), 'standalone-'))
  onCleanup(() => rmSync(folder, { recursive: true }))
  const move = (from: string, to: string) => {
    mkdirSync(join(folder, to))
    renameSync(from, join(folder, to, 'resolver'))
    return join(folder, to, 'resolver')
  }
  const executable = isLinux ? move(await buildExecutable(folder), 'executable') : await buildSingleFile(folder)
  const file = move(join(folder, 'rke2-apiserver-resolver.cjs'), 'file')
  return { file: [process.execPath, file], executable: [executable] }
})

const calls = [
  ['prints the help', 0, ['--help']],
  ['prints a list, and logs JSON', 0, ['--address-key', 'key']],
  ['logs text', 0, ['--address-key', 'key', '--log-format', 'text']],
  ['starts a program', 7, ['--address-key', 'key', '--', 'sh', '-c', 'echo $APISERVER_URLS; exit 7']],
  ['gives up', 1, ['--address-key', 'key', '--min', '2', '--max-attempts', '1']],
  ['refuses a flag', 2, ['--mim', '2']],
  ['misses certificate files', 1, ['--endpoints', 'https://127.0.0.1:9', '--max-attempts', '1']],
  ['misses a CA', 1, ['--source', 'kubernetes', '--endpoints', 'https://127.0.0.1:9', '--max-attempts', '1']],
] as const

const kinds = isLinux ? (['file', 'executable'] as const) : (['file'] as const)

test.for(kinds.flatMap((kind) => calls.map((call) => [kind, ...call] as const)))(
  'the single %s %s, and exits with %d, as the command of the package does',
  async ([kind, , code, args], { programs }) => {
    const env = { RKE2_APISERVER_RESOLVER_ENDPOINTS: await startHostileEtcd({}) }
    const expected = withoutTimes(await run([process.execPath, cli, ...args], env))
    expect(expected.code).toBe(code)
    expect(withoutTimes(await run([...programs[kind], ...args], env))).toEqual(expected)
  },
)

test('the single file prints the version of the package', async ({ programs }) => {
  const expected = { code: 0, stdout: `${manifest.version}\n`, stderr: '' }
  expect(await run([...programs.file, '--version'])).toEqual(expected)
})

test('the single file names the Node version that it needs when Node is too old', async ({ programs }) => {
  const old = `Object.defineProperty(process.versions, 'node', { value: '22.11.0' })`
  const [node = '', file = ''] = programs.file
  expect(await run([node, '--import', `data:text/javascript,${encodeURIComponent(old)}`, file, '--version'])).toEqual({
    code: 1,
    stdout: '',
    stderr: 'rke2-apiserver-resolver: Node 22.12 or later is needed, and this is 22.11.0\n',
  })
})

test.runIf(isLinux)(
  'the executable prints both versions, whatever NODE_OPTIONS is, and writes no file',
  async ({ programs }) => {
    const home = temporaryFolder()
    const env = { NODE_OPTIONS: '--require /absent.js', HOME: home }
    expect(await run([...programs.executable, '--version'], env)).toEqual({
      code: 0,
      stdout: `${manifest.version} (Node.js ${process.versions.node})\n`,
      stderr: '',
    })
    expect(readdirSync(home)).toEqual([])
  },
)

test.runIf(isLinux)('a program that the executable starts has the environment as it is', async ({ programs }) => {
  const env = {
    NODE_OPTIONS: '--max-old-space-size=100',
    RKE2_APISERVER_RESOLVER_ENDPOINTS: await startHostileEtcd({}),
    RKE2_APISERVER_RESOLVER_ADDRESS_KEY: 'key',
  }
  const { stdout } = await run([...programs.executable, '--', 'sh', '-c', 'echo $NODE_OPTIONS'], env)
  expect(stdout).toBe(`${env.NODE_OPTIONS}\n`)
})

test.runIf(isLinux)('the executable takes flags of Node for flags of its own', async ({ programs }) => {
  expect(await run([...programs.executable, '--eval', '1'])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('--eval'),
  })
})
