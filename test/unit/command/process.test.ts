import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { answer, frame, range, startHostileEtcd } from '../../support/hostile-etcd.ts'

const program = fileURLToPath(new URL('../../../src/cli.ts', import.meta.url))

test('the command writes nothing of grpc-js to stderr when a proxy refuses its pings', async () => {
  let reads = 0
  const endpoint = await startHostileEtcd({
    onRange(stream) {
      if (++reads > 1) return answer(frame(range()))(stream)
      stream.session?.goaway(11, 0, Buffer.from('too_many_pings'))
      stream.close(11)
    },
  })
  const args = [program, '--endpoints', endpoint, '--address-key', 'key']
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args)
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
