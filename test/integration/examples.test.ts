import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const root = join(import.meta.dirname, '..', '..')
const examples = readdirSync(join(root, 'examples')).filter((name) => name !== 'try')

test('each of the five examples has a README of less than 40 lines, and the README of the package links to it', () => {
  expect(examples).toEqual(['controller', 'daemonset', 'init-container', 'node-agent', 'systemd'])
  const readme = readFileSync(join(root, 'README.md'), 'utf8')
  for (const name of examples) {
    expect(readFileSync(join(root, 'examples', name, 'README.md'), 'utf8').split('\n').length).toBeLessThan(40)
    expect(readme).toMatch(new RegExp(`^\\[${name}\\]: .*examples/${name}/README\\.md$`, 'm'))
  }
})

// Longer than the timeout in examples/try/try.ts, whose message says what did not happen.
const timeout = 90_000

test.concurrent.for(examples)(
  'the example %s does what its README says, when run with the command in its README',
  { timeout },
  async (name) => {
    const readme = readFileSync(join(root, 'examples', name, 'README.md'), 'utf8')
    const [, install, command = ''] = /^```sh\n(npm ci .*) && (.*)$/m.exec(readme) ?? []
    expect([install, command]).toEqual(['npm ci --loglevel=error', `npm run example ${name}`])
    const run = promisify(execFile)('sh', ['-c', command], { cwd: root })
    const { stdout } = await run.catch((error: { stdout: string; stderr: string }) =>
      expect.fail(`${error.stdout}\n${error.stderr}`),
    )
    expect(stdout).toMatch(/\nThe example did what its README says\.\n$/)
  },
)
