import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import { codeBlocks, read, root, section } from '../support/documents.ts'
import { unusedPort } from '../support/net.ts'

const run = promisify(execFile)
const text = section(read('README.md'), 'Try it without RKE2')
const [commands = ''] = codeBlocks(text, 'sh')
const [shown = ''] = codeBlocks(text, 'text')

/** Replaces what depends on the machine: the time, and the number of attempts. */
const withoutNumbers = (output: string) => output.replace(/(elapsedMs|attempts)=\d+|in \d+ attempts?/g, '$1 N')

test('the three commands of README that need no RKE2 print what README shows', async () => {
  const name = `readme-${process.pid}`
  const port = await unusedPort()
  const [start = '', wait = '', write = '', ...others] = commands
    .replaceAll('\\\n', ' ')
    .replace(/gcr\.io\/\S+/, process.env['ETCD_IMAGE'] ?? '')
    .replace('npx rke2-apiserver-resolver', `"${process.execPath}" dist/cli.js`)
    .replace('--name etcd', `--name ${name}`)
    .replace('docker exec etcd', `docker exec ${name}`)
    .replaceAll('127.0.0.1:2379', `127.0.0.1:${port}`)
    .trim()
    .split('\n')
  expect(others).toEqual([])
  const shell = (command: string) => run('sh', ['-c', command], { cwd: root })
  onTestFinished(async () => void (await run('docker', ['rm', '--force', name])))
  await shell(start)

  // As a shell does with `&`: the command runs while the next one is typed.
  const waiting = spawn('sh', ['-c', `exec ${wait.replace(/ &$/, '')}`], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  onTestFinished(() => void waiting.kill())
  const exited = once(waiting, 'close')
  const output = { stdout: '', stderr: '' }
  waiting.stdout.on('data', (part) => (output.stdout += String(part)))
  waiting.stderr.on('data', (part) => (output.stderr += String(part)))
  while (!output.stderr.includes('the key does not exist yet')) await once(waiting.stderr, 'data')
  expect((await shell(write)).stdout).toBe('OK\n')
  expect(await exited).toEqual([0, null])
  // etcd itself may need longer to start than the command.
  const lines = (output.stderr + output.stdout)
    .replaceAll(String(port), '2379')
    .replace(/ previous=\S+/, '')
    .split('\n')
  const printed = lines.filter((line) => !/^waiting for (etcd|an answer)/.test(line)).join('\n')
  expect(withoutNumbers(printed)).toBe(withoutNumbers(shown))
})
