import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import { canPreload, commandLine } from '../../support/command-program.ts'
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
