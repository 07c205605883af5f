import type { EventEmitter } from 'node:events'
import { expect, test } from 'vitest'
import type { Process } from '../../../src/command/process.ts'
import { createOutput, resolvedList, runCommand } from '../../support/run-command.ts'
import type { Setup } from '../../support/run-command.ts'

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
  expect(await shown('')).toMatch(/^\r\x1b\[K +0\.0s {2}reading the list/)
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

test('run with --log-format logs lines on a terminal, instead of the live line', async () => {
  const shown = async (args: string) => {
    const stderr = createOutput({ isTTY: true })
    await runCommand(args, { ...waiting, stderr })
    return stderr.text()
  }
  expect(await shown('--log-format text')).toBe('waiting for etcd\nno list level=error\n')
  expect(await shown('--log-format json')).toMatch(/^\{"level":"info"/)
  expect(await shown('--log-format auto')).toMatch(/^\r\x1b\[K/)
})

test.each([
  ['NO_COLOR', { NO_COLOR: '1' }],
  ['TERM=dumb', { TERM: 'dumb' }],
  ['neither', {}],
])('run with --log-format text writes no ANSI escape codes, with %s', async (_title, env) => {
  const stderr = createOutput({ isTTY: true })
  await runCommand('--log-format text', { ...waiting, stderr, env })
  expect(stderr.text()).not.toContain('\x1b')
  expect(stderr.text()).toContain('waiting for etcd')
})

test('run in the journal of systemd logs text with priorities, and JSON only with --log-format json', async () => {
  const journal = { env: { JOURNAL_STREAM: '1:2' }, stderrId: () => '1:2' }
  const logged = async (args: string) => (await runCommand(args, { ...waiting, ...journal })).stderr
  expect(await logged('')).toBe('<6>waiting for etcd\n<3>no list\n')
  expect(await logged('--log-format text --log-level error')).toBe('<3>no list\n')
  expect(await logged('--log-format json')).toMatch(/^\{"level":"info"/)
})

test('run whose stderr is not the journal logs JSON, also if JOURNAL_STREAM was inherited', async () => {
  const { stderr } = await runCommand('', { ...waiting, env: { JOURNAL_STREAM: '1:2' }, stderrId: () => '3:4' })
  expect(stderr).toMatch(/^\{"level":"info"/)
})

test('run in the journal gives a usage error and an output error the priority of an error', async () => {
  const journal = { env: { JOURNAL_STREAM: '1:2' }, stderrId: () => '1:2' }
  expect((await runCommand('--min x', journal)).stderr).toMatch(/^<3>rke2-apiserver-resolver: --min must be a number/)
  const { stderr } = await runCommand('', { ...journal, stdout: createOutput({ failure: 'ENOSPC' }) })
  expect(stderr).toBe('<3>rke2-apiserver-resolver: cannot write to stdout: ENOSPC: cannot\n')
})

test('run leaves no listener on the events', async () => {
  let left: EventEmitter | undefined
  await runCommand('', {
    stderr: createOutput({ isTTY: true }),
    resolve: async ({ events }) => ((left = events as EventEmitter), resolvedList),
  })
  expect(left?.eventNames()).toEqual([])
})
