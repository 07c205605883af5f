import { execFile } from 'node:child_process'
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test as base, expect } from 'vitest'
import { buildSingleFile } from '../../build/single-file.ts'
import manifest from '../../package.json' with { type: 'json' }
import { temporaryFolder } from '../support/folder.ts'
import { startHostileEtcd } from '../support/hostile-etcd.ts'

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

const test = base.extend('built', { scope: 'file' }, async ({}, { onCleanup }) => {
  const folder = mkdtempSync(join(tmpdir(), 'standalone-'))
  onCleanup(() => rmSync(folder, { recursive: true }))
  return buildSingleFile(folder)
})

/** Copies the single file to an empty folder. Returns the command line that starts it there. */
function alone(built: string): string[] {
  const file = join(temporaryFolder(), 'resolver.cjs')
  copyFileSync(built, file)
  return [process.execPath, file]
}

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

test.for(calls)(
  'the single file %s, and exits with %d, as the command of the package does',
  async ([, code, args], { built }) => {
    const env = { RKE2_APISERVER_RESOLVER_ENDPOINTS: await startHostileEtcd({}) }
    const expected = withoutTimes(await run([process.execPath, cli, ...args], env))
    expect(expected.code).toBe(code)
    expect(withoutTimes(await run([...alone(built), ...args], env))).toEqual(expected)
  },
)

test('the single file prints the version of the package', async ({ built }) => {
  const expected = { code: 0, stdout: `${manifest.version}\n`, stderr: '' }
  expect(await run([...alone(built), '--version'])).toEqual(expected)
})

test('the single file names the Node version that it needs when Node is too old', async ({ built }) => {
  const old = `Object.defineProperty(process.versions, 'node', { value: '22.11.0' })`
  const [node = '', file = ''] = alone(built)
  expect(await run([node, '--import', `data:text/javascript,${encodeURIComponent(old)}`, file, '--version'])).toEqual({
    code: 1,
    stdout: '',
    stderr: 'rke2-apiserver-resolver: Node 22.12 or later is needed, and this is 22.11.0\n',
  })
})
