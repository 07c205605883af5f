import { execFile, execFileSync, spawn } from 'node:child_process'
import type { StdioOptions } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, constants, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import { canPreload, commandLine } from '../../support/command-program.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { answer, frame, range, startHostileEtcd } from '../../support/hostile-etcd.ts'

test('the command writes nothing of grpc-js to stderr when a proxy refuses its pings', async () => {
  let reads = 0
  const endpoint = await startHostileEtcd({
    onRange(stream) {
      if (++reads > 1) return answer(frame(range()))(stream)
      stream.session?.goaway(11, 0, Buffer.from('too_many_pings'))
      stream.close(11)
    },
  })
  const [file, ...args] = [...commandLine(), '--endpoints', endpoint, '--address-key', 'key']
  const { stdout, stderr } = await promisify(execFile)(file, args)
  expect(stdout).toBe('10.0.0.11:6443\n')
  const messages = stderr
    .trimEnd()
    .split('\n')
    .map((line): unknown => JSON.parse(line).msg)
  expect(messages).toEqual([
    expect.stringContaining('the server refused the keepalive pings as too frequent'),
    expect.stringContaining('found 1 apiserver'),
  ])
})

test.runIf(canPreload)(
  'SIGTERM ends the process after the command has ended, when something else keeps it alive',
  async () => {
    const endpoint = await startHostileEtcd({})
    const command = commandLine('setInterval(() => {}, 1e9)')
    const [file, ...args] = [...command, '--endpoints', endpoint, '--address-key', 'key']
    const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    onTestFinished(() => void child.kill('SIGKILL'))
    await once(child.stdout, 'data')
    // Its listeners are gone shortly after the output. Until then, a signal is one for the command, and has no effect.
    const timer = setInterval(() => child.kill('SIGTERM'), 50)
    onTestFinished(() => clearInterval(timer))
    expect(await once(child, 'exit')).toEqual([null, 'SIGTERM'])
  },
)

/** Returns a pipe that is full, which is never read, and which stays open: it has the only reader itself. */
function createFullPipe(): number {
  const file = join(temporaryFolder(), 'pipe')
  execFileSync('mkfifo', [file])
  const pipe = openSync(file, constants.O_RDWR | constants.O_NONBLOCK)
  onTestFinished(() => closeSync(pipe))
  const page = Buffer.alloc(4096)
  // Throws EAGAIN when the pipe is full.
  expect(() => {
    for (;;) writeSync(pipe, page)
  }).toThrow('EAGAIN')
  return pipe
}

test.each<[string, string[], number, number]>([
  ['stdout', ['--watch'], 1, 143],
  ['stdout', ['--json'], 1, 143],
  ['stderr', ['--watch'], 2, 0],
])('SIGTERM ends the process when %s is a full pipe that is never read, with %j', async (...row) => {
  const [, flags, fd, expected] = row
  const endpoint = await startHostileEtcd({})
  const [file = '', ...args] = [...commandLine(), '--endpoints', endpoint, '--address-key', 'key', ...flags]
  const pipe = createFullPipe()
  const stdio: StdioOptions = ['ignore', fd === 1 ? pipe : 'pipe', fd === 2 ? pipe : 'pipe']
  // Node 22 prints a warning that it strips types.
  const child = spawn(file, args, { env: { ...process.env, NODE_NO_WARNINGS: '1' }, stdio })
  onTestFinished(() => void child.kill('SIGKILL'))
  // When the list has been read, stdout has it and stderr has a line about it.
  await once((child.stdout ?? child.stderr)!, 'data')
  child.kill('SIGTERM')
  expect(await once(child, 'exit')).toEqual([expected, null])
})
