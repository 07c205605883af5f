import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const root = join(import.meta.dirname, '..', '..', '..')

/** Runs a call that fails at once, in a process of its own, because Node reads NODE_DEBUG when it starts. */
async function runWith(env: NodeJS.ProcessEnv): Promise<string> {
  const script = `
    import { resolveApiserverAddresses } from ${JSON.stringify(join(root, 'src/index.ts'))}
    const options = { key: 'a%sb', endpoints: 'http://127.0.0.1:1', retry: { maxAttempts: 1 } }
    await resolveApiserverAddresses(options).catch(() => {})`
  const args = ['--no-warnings', '--input-type=module', '-e', script]
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args, { env: { ...process.env, ...env } })
  expect(stdout).toBe('')
  return stderr
}

test('NODE_DEBUG=rke2-apiserver-resolver prints every event to stderr, one line each', async () => {
  const stderr = await runWith({ NODE_DEBUG: 'rke2-apiserver-resolver' })
  const lines = stderr.trimEnd().split('\n')
  expect(lines.map((line) => line.replace(/^RKE2-APISERVER-RESOLVER \d+: call 1, a%sb: (\w+): \S.*$/, '$1'))).toEqual([
    'attempt',
    'phase',
    'failed',
  ])
})

test('a call prints nothing to stderr without NODE_DEBUG', async () => {
  expect(await runWith({ NODE_DEBUG: '' })).toBe('')
})
