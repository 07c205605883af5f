import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { constants } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { canPreload, commandLine } from '../../support/command-program.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { startHostileEtcd } from '../../support/hostile-etcd.ts'
import { startProxy } from '../../support/net.ts'

interface Setup {
  readonly endpoint?: string
  /** The text for stdin, which then ends; `null` to leave it open. */
  readonly input?: string | null
  readonly env?: Record<string, string>
  /** Code that runs in the process of the command before the command. */
  readonly preload?: string
  /** Whether stdin, stdout and stderr are a terminal, whose keys are the input. */
  readonly hasTerminal?: boolean
  /** What a shell would have after the command, such as `< /dev/null`. It needs a terminal. */
  readonly redirection?: string
}

/** Starts the command with a program, which it runs when it has read a list. */
async function start(
  program: readonly string[],
  { endpoint, input = '', env = {}, preload, hasTerminal = false, redirection = '' }: Setup = {},
) {
  const flags = [
    '--endpoints',
    endpoint ?? (await startHostileEtcd({})),
    '--address-key',
    'key',
    '--log-level',
    'silent',
  ]
  const command = [...commandLine(preload), ...flags, '--', ...program]
  const quoted = command.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ')
  const [file = '', ...args] = hasTerminal ? ['script', '-qefc', `exec ${quoted} ${redirection}`, '/dev/null'] : command
  const child = spawn(file, args, {
    env: { PATH: process.env['PATH'], NODE_NO_WARNINGS: '1', ...env },
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  let [stdout, stderr] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  if (input !== null) child.stdin.end(input)
  const ended = once(child, 'close').then(([code, signal]) => ({ code: (code ?? signal) as unknown, stdout, stderr }))
  /** Resolves when the program has written this text to stdout; rejects if it ends without. */
  const until = async (text: string | RegExp): Promise<RegExpMatchArray> => {
    for (;;) {
      const found = stdout.match(text)
      if (found !== null) return found
      if (child.exitCode !== null) throw new Error(`ended without ${String(text)}: ${stdout}${stderr}`)
      await Promise.race([once(child.stdout, 'data'), ended])
    }
  }
  return { child, until, ended }
}

test('a program that the command starts has the same stdin, stdout and stderr, and its exit code is that of the command', async () => {
  const { ended } = await start(['sh', '-c', 'cat; echo problem >&2; exit 7'], { input: 'from stdin\n' })
  expect(await ended).toEqual({ code: 7, stdout: 'from stdin\n', stderr: 'problem\n' })
})

test('a program that the command starts has stdout and stderr that block, as a shell would start it', async () => {
  const { ended } = await start(['sh', '-c', 'exec 3>&1 4>&2; grep -h flags /proc/$$/fdinfo/3 /proc/$$/fdinfo/4'])
  const { code, stdout } = await ended
  expect(code).toBe(0)
  const flags = [...stdout.matchAll(/flags:\s*(\d+)/g)].map(([, octal = '']) => parseInt(octal, 8))
  expect(flags).toHaveLength(2)
  // O_NONBLOCK, which Node sets for its own pipes. A program such as cat fails if it is set and the pipe is full.
  for (const flag of flags) expect(flag & constants.O_NONBLOCK).toBe(0)
})

test('a program that the command starts does not get the setting for grpc-js that the command has for itself', async () => {
  const { ended } = await start(['sh', '-c', 'echo "${GRPC_VERBOSITY-unset} $APISERVER_ADDRESSES"'])
  expect((await ended).stdout).toBe('unset 10.0.0.11:6443\n')
})

test.each(['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2', 'SIGWINCH'] as const)(
  'the command passes %s on to the program, again and again, and ends when the program does',
  async (signal) => {
    const name = signal.slice(3)
    // The first signal is survived, and the second one ends the program.
    const script = `trap 'echo got; seen=$((seen+1)); [ $seen = 2 ] && { kill $!; exit 9; }' ${name}; seen=0
      sleep 1000 & echo ready; while :; do wait; done`
    const { child, until, ended } = await start(['sh', '-c', script])
    await until('ready')
    child.kill(signal)
    await until('got')
    child.kill(signal)
    expect(await ended).toMatchObject({ code: 9, stdout: 'ready\ngot\ngot\n' })
  },
)

test.each([
  ['on a terminal', ''],
  ['on a terminal with stdin from a file', '< /dev/null'],
  ['on a terminal with stdin and stderr redirected', '< /dev/null 2> /dev/null'],
])('a program %s gets Ctrl-C once: from the terminal, and not from the command, which goes on', async (...row) => {
  const [, redirection] = row
  const script = `trap 'echo got' INT; trap 'echo end; kill $!; exit 9' TERM; sleep 1000 & echo ready $PPID
    while :; do wait; done`
  const { child, until, ended } = await start(['sh', '-c', script], { hasTerminal: true, input: null, redirection })
  const ready = await until(/ready (\d+)/)
  child.stdin.write('\x03')
  await until('got')
  process.kill(Number(ready[1]), 'SIGTERM')
  const { code, stdout } = await ended
  expect(code).toBe(9)
  expect(stdout.match(/got|end/g)).toEqual(['got', 'end'])
})

test('the command ends with 128 and the number of the signal that ended the program', async () => {
  const { ended } = await start(['sh', '-c', 'kill -KILL $$'])
  expect(await ended).toMatchObject({ code: 137 })
})

test.runIf(canPreload)('the command passes on a signal that comes just before the program is started', async () => {
  const preload = `
    import childProcess from 'node:child_process'
    const { spawn } = childProcess
    childProcess.spawn = (...args) => {
      process.kill(process.pid, 'SIGTERM')
      return spawn(...args)
    }`
  const { ended } = await start(['sh', '-c', 'exec sleep 1000'], { preload })
  expect(await ended).toMatchObject({ code: 143, stdout: '' })
})

test.runIf(canPreload)(
  'the command passes on a signal that comes between the list and the start of the program',
  async () => {
    // The list is there when its file is written.
    const preload = `
    import fs from 'node:fs/promises'
    import { syncBuiltinESMExports } from 'node:module'
    const { rename } = fs
    fs.rename = async (...args) => {
      const timer = setInterval(() => {}, 1000)
      const received = new Promise((resolve) => process.once('SIGTERM', resolve))
      process.kill(process.pid, 'SIGTERM')
      await received
      clearInterval(timer)
      return rename(...args)
    }
    syncBuiltinESMExports()`
    const { ended } = await start(['sh', '-c', 'exec sleep 1000'], {
      preload,
      env: { RKE2_APISERVER_RESOLVER_OUTPUT: join(temporaryFolder(), 'list') },
    })
    expect(await ended).toMatchObject({ code: 143, stdout: '' })
  },
)

test('the command has no connection to etcd while the program runs', async () => {
  const proxy = await startProxy(await startHostileEtcd({}))
  onTestFinished(() => proxy.close())
  const { child, until, ended } = await start(['sh', '-c', 'echo ready; cat'], {
    endpoint: proxy.endpoint,
    input: null,
  })
  await until('ready')
  await vi.waitFor(() => expect([proxy.connections, proxy.open]).toEqual([1, 0]), 10_000)
  child.stdin.end()
  expect(await ended).toMatchObject({ code: 0 })
})
