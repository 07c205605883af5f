import type { EventEmitter } from 'node:events'
import { Writable } from 'node:stream'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseOptions } from '../../../src/call/config.ts'
import { run } from '../../../src/command/command.ts'
import type { Process } from '../../../src/command/command.ts'
import { flags } from '../../../src/command/flags.ts'
import { ApiserverAddressError } from '../../../src/errors.ts'
import type { ErrorCode } from '../../../src/errors.ts'
import type { WatchOptions } from '../../../src/options.ts'

const list = { addresses: ['10.0.0.11:6443', '[fd00::1]:6443'], urls: [], revision: '7' }
const resolved = { ...list, attempts: 3, elapsedMs: 1200 }

/** A stream that keeps what was written, or fails with a system error of this code. */
function output({ failure, ...extra }: { failure?: string; isTTY?: boolean; columns?: number } = {}) {
  let text = ''
  const stream = new Writable({
    decodeStrings: false,
    write(chunk: string, _, done) {
      if (failure === undefined) text += chunk
      done(failure === undefined ? null : Object.assign(new Error(`${failure}: cannot`), { code: failure }))
    },
  })
  return Object.assign(stream, extra, { text: () => text })
}

interface Setup extends Partial<Omit<Process, 'args'>> {
  readonly resolve?: (options: WatchOptions) => Promise<typeof resolved>
  readonly watch?: (options: WatchOptions) => AsyncIterable<typeof change>
}

/** Runs the command in this process, with the library's two functions faked: they check the options and do as told. */
async function command(args: string | readonly string[], setup: Setup = {}) {
  const { resolve = async () => resolved, watch = () => changes(), ...given } = setup
  const [stdout, stderr] = [output(), output()]
  let options: WatchOptions = {}
  const host: Process = {
    args: typeof args === 'string' ? args.split(' ').filter(Boolean) : args,
    env: {},
    stdout,
    stderr,
    signal: new AbortController().signal,
    version: () => '1.2.3',
    library: async () => ({
      async resolveApiserverAddresses(all) {
        parseOptions((options = all ?? {}), 'resolve')
        return resolve(options)
      },
      watchApiserverAddresses(all) {
        parseOptions((options = all), 'watch')
        return watch(options)
      },
    }),
    now: () => 0,
    ...given,
  }
  const code = await run(host)
  const { events: _events, logger: _logger, signal: _signal, ...plain } = options
  return { code, stdout: stdout.text(), stderr: stderr.text(), options: plain }
}

const change = { ...list, added: list.addresses, removed: [] as string[] }
async function* changes(...more: (typeof change)[]) {
  yield change
  yield* more
}

const failure = (code: ErrorCode) =>
  new ApiserverAddressError('rke2/apiaddresses: no list', {
    code,
    reason: 'unreachable',
    attempts: 1,
    elapsedMs: 10,
    cause: undefined,
  })
const rejecting = (error: unknown) => ({ resolve: () => Promise.reject(error) })

describe('output', () => {
  test('addresses go to stdout, one a line', async () => {
    expect(await command('')).toMatchObject({ code: 0, stdout: '10.0.0.11:6443\n[fd00::1]:6443\n', stderr: '' })
  })

  test('--json prints the result as one line', async () => {
    const { code, stdout } = await command('--json')
    expect(code).toBe(0)
    expect(stdout).toBe(`${JSON.stringify(resolved)}\n`)
  })

  test('--watch prints all addresses in one line at every change', async () => {
    const second = { ...change, addresses: ['10.0.0.12:6443'] }
    const { code, stdout } = await command('--watch', { watch: () => changes(second) })
    expect(stdout).toBe('10.0.0.11:6443 [fd00::1]:6443\n10.0.0.12:6443\n')
    expect(code).toBe(0)
  })

  test('--watch --json prints every change as one line', async () => {
    const { stdout } = await command('--watch --json')
    expect(stdout).toBe(`${JSON.stringify(change)}\n`)
  })

  test('--version prints the version, and --help every flag, within 80 columns', async () => {
    expect(await command('--version')).toMatchObject({ code: 0, stdout: '1.2.3\n', stderr: '' })
    const { code, stdout, stderr } = await command('--help')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    for (const flag of Object.keys(flags)) expect(stdout).toMatch(new RegExp(`^  --${flag}( [A-Z]+)? {2,}\\S`, 'm'))
    expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([])
  })

  test('a reader that has left ends the command quietly', async () => {
    for (const args of ['', '--watch', '--help']) {
      expect(await command(args, { stdout: output({ failure: 'EPIPE' }) })).toMatchObject({ code: 0, stderr: '' })
    }
  })

  test('a list that cannot be written is a failure', async () => {
    const { code, stderr } = await command('', { stdout: output({ failure: 'ENOSPC' }) })
    expect(code).toBe(1)
    expect(stderr).toBe('rke2-apiserver-resolver: cannot write to stdout: ENOSPC: cannot\n')
  })
})

describe('exit codes', () => {
  test.for([
    ['REJECTED', 1],
    ['ATTEMPTS_EXHAUSTED', 1],
    ['DEADLINE_EXCEEDED', 3],
    ['CLOSED', 1],
  ] as const)('%s is %d, with nothing on stdout', async ([code, expected]) => {
    expect(await command('', rejecting(failure(code)))).toMatchObject({ code: expected, stdout: '' })
  })

  test.for([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('%s before there is a list is %d', async ([name, expected]) => {
    const signal = AbortSignal.abort(name)
    const watch = () => ({ [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(name) }) })
    expect(await command('', { signal, ...rejecting(name) })).toMatchObject({ code: expected, stdout: '', stderr: '' })
    expect(await command('--watch', { signal, watch })).toMatchObject({ code: expected })
    expect(await command('--watch', { signal, watch: async function* () {} })).toMatchObject({ code: expected })
  })

  test.for(['SIGINT', 'SIGTERM'])('%s ends a watch that has given a list with 0', async (name) => {
    const controller = new AbortController()
    const watch = async function* () {
      yield change
      controller.abort(name)
      throw name
    }
    expect(await command('--watch', { signal: controller.signal, watch })).toMatchObject({ code: 0 })
  })

  test('a fault of the program is not taken for one of the user', async () => {
    const bug = new TypeError('x is not a function')
    await expect(command('', rejecting(bug))).rejects.toBe(bug)
  })
})

describe('flags', () => {
  test('fill the options of the library', async () => {
    const { options } = await command(
      '--min 3 --expect a,b --expect c:6443 --settle 3s --timeout infinity --distribution k3s --data-dir /data ' +
        '--endpoints https://a:2379,https://b:2379 --endpoints https://c:2379 --cacert ca --cert crt --key pem ' +
        '--address-key x/y --attempt-timeout 2s --max-attempts 9 --initial-delay 100ms --max-delay 1m30s --factor 1.5 --jitter full ' +
        '--probe readyz --probe-timeout 1s',
    )
    expect(options).toEqual({
      minAddresses: 3,
      expect: ['a', 'b', 'c:6443'],
      settleMs: 3000,
      timeoutMs: Infinity,
      distribution: 'k3s',
      dataDir: '/data',
      endpoints: ['https://a:2379', 'https://b:2379', 'https://c:2379'],
      tls: { caFile: 'ca', certFile: 'crt', keyFile: 'pem' },
      key: 'x/y',
      attemptTimeoutMs: 2000,
      probe: 'readyz',
      probeTimeoutMs: 1000,
      retry: { maxAttempts: 9, initialDelayMs: 100, maxDelayMs: 90_000, factor: 1.5, jitter: 'full' },
    })
  })

  test('of a watch have options of their own', async () => {
    expect((await command('--watch --probe tcp --probe-interval 1m')).options).toEqual({
      probe: 'tcp',
      probeIntervalMs: 60_000,
    })
  })

  test('leave what is not given to the library', async () => {
    expect((await command('')).options).toEqual({})
    expect((await command('--watch --shrink-delay 1s')).options).toEqual({ shrinkDelayMs: 1000 })
  })

  const etcdctl = {
    ETCDCTL_ENDPOINTS: 'https://a:2379,https://b:2379',
    ETCDCTL_CACERT: 'ca',
    ETCDCTL_CERT: 'crt',
    ETCDCTL_KEY: 'pem',
  }
  test("win over etcdctl's variables, which are used where they are not empty", async () => {
    expect((await command('', { env: etcdctl })).options).toEqual({
      endpoints: ['https://a:2379', 'https://b:2379'],
      tls: { caFile: 'ca', certFile: 'crt', keyFile: 'pem' },
    })
    const env = { ...etcdctl, ETCDCTL_ENDPOINTS: '' }
    expect((await command('--key other', { env })).options).toEqual({
      tls: { caFile: 'ca', certFile: 'crt', keyFile: 'other' },
    })
  })

  test('take the password from the environment alone', async () => {
    const credentials = { username: 'me', password: 'a:b' }
    const of = async (args: string, env: Record<string, string>) => (await command(args, { env })).options.credentials
    expect(await of('', { ETCDCTL_USER: 'me:a:b' })).toEqual(credentials)
    expect(await of('', { ETCDCTL_USER: 'me', ETCDCTL_PASSWORD: 'a:b' })).toEqual(credentials)
    expect(await of('--user me', { ETCDCTL_USER: 'you:c', ETCDCTL_PASSWORD: 'a:b' })).toEqual(credentials)
    expect(await of('', { ETCDCTL_PASSWORD: 'a:b' })).toBeUndefined()
  })
})

describe('wrong usage', () => {
  test.for([
    ['--min x', '--min must be a number, got "x"'],
    ['--min=-3', '--min must be a number, got "-3"'],
    ['--settle 3', '--settle must be a time such as 250ms, 3s, 5m or 1m30s, got "3"'],
    ['--expect a,,b', '--expect must not be empty, got ""'],
    ['--log-level loud', '--log-level must be one of trace, debug, info, warn, error, fatal, silent, got "loud"'],
    ['--cacert ca --key pem', '--cacert, --cert and --key go together: --cert missing'],
    ['--shrink-delay 3s', '--shrink-delay needs --watch'],
    ['--probe tcp --probe-interval 3s', '--probe-interval needs --watch'],
    ['--user me', '--user needs the password in ETCDCTL_PASSWORD'],
    ['--watch=yes', "Option '--watch' does not take an argument"],
    ['--nope', "Unknown option '--nope'"],
    ['here', "Unexpected argument 'here'. This command does not take positional arguments"],
  ])('%s', async ([args = '', message]) => {
    expect(await command(args)).toEqual({
      code: 2,
      stdout: '',
      stderr: `rke2-apiserver-resolver: ${message} (see --help)\n`,
      options: expect.anything(),
    })
  })

  test.for([
    ['--min 0', '0'],
    ['--min 1.5', '1.5'],
    ['--timeout 0', '0'],
    ['--settle infinity', 'Infinity'],
    ['--jitter big', "'big'"],
    ['--probe ping', "'ping'"],
    ['--endpoints https://a,ftp://b', "'ftp://b'"],
    ['--cacert ca --cert crt --key pem --address-key /x', "'/x'"],
  ])('%s, which the library refuses', async ([args = '', value]) => {
    const { code, stdout, stderr } = await command(args)
    const [flag] = args.split(' ').slice(-2)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toMatch(new RegExp(`^rke2-apiserver-resolver: ${flag} must .*, got ${value} \\(see --help\\)\n$`))
  })

  test('names the variable a bad value came from', async () => {
    const { code, stderr } = await command('', { env: { ETCDCTL_ENDPOINTS: 'localhost:2379' } })
    expect(code).toBe(2)
    expect(stderr).toContain("ETCDCTL_ENDPOINTS must start with https:// or http://, got 'localhost:2379'")
  })

  test('never repeats a password', async () => {
    for (const args of ['--user me:hush', '--password hush', '--password=hush']) {
      const { code, stderr } = await command(args)
      expect(code).toBe(2)
      expect(stderr).not.toContain('hush')
    }
  })

  test('ends in a documented way, with at most one line and no secret, whatever is given and is in the environment', async () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }).map((any) => any.replaceAll('\0', '')),
      fc.constantFrom(
        '',
        ' ',
        ',',
        '0',
        '3',
        '-1',
        '1e9',
        '9'.repeat(400),
        '3s',
        'a,b',
        'https://a',
        '-----BEGIN KEY-----',
      ),
      fc.constantFrom('https://me:hush@a', 'me:hush@a', `https://me:hush${'x'.repeat(200)}@a`),
      fc.nat(14).map((power) => '\x1b1s[:'.repeat(2 ** power)),
    )
    const flag = fc.constantFrom(...Object.keys(flags))
    const one = fc.oneof(
      fc.tuple(flag, text).map(([name, value]) => [`--${name}`, value]),
      fc.tuple(flag, text).map(([name, value]) => [`--${name}=${value}`]),
      flag.map((name) => [`--${name}`]),
      text.map((value) => [value]),
    )
    const variables = ['ENDPOINTS', 'CACERT', 'CERT', 'KEY', 'USER', 'PASSWORD'].map((name) => `ETCDCTL_${name}`)
    const env = fc.dictionary(fc.constantFrom(...variables, 'TERM'), text)
    await fc.assert(
      fc.asyncProperty(fc.array(one, { maxLength: 4 }), env, async (args, environment) => {
        const startedAt = performance.now()
        const { code, stderr, stdout } = await command(args.flat(), { env: environment })
        expect([0, 2]).toContain(code)
        expect(stderr).toMatch(code === 0 ? /^$/ : /^rke2-apiserver-resolver: .{1,2000}\n$/)
        expect(stderr.trimEnd()).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]|hush/u)
        if (code === 2) expect(stdout).toBe('')
        expect(performance.now() - startedAt).toBeLessThan(1000)
      }),
      { numRuns: 2000 },
    )
  })

  test('is told in one line of printable characters, whatever was given', async () => {
    const nasty = fc.string({ unit: fc.constantFrom(...'\x1b[2J\r\n\t\x9b\u2028\u202eab-='.split('')) })
    await fc.assert(
      fc.asyncProperty(fc.constantFrom('--min=', '--', '-', ''), nasty, async (before, text) => {
        const { stderr } = await command([`${before}${text}`])
        expect(stderr).toMatch(/^[\x20-\x7e]*\n?$/)
      }),
    )
  })
})

describe('waiting', () => {
  const waiting: Setup = {
    async resolve({ events, logger }) {
      events?.emit('attempt', { type: 'attempt', attempt: 1 })
      logger?.info('waiting for etcd')
      logger?.error('no list')
      return resolved
    },
  }
  const lines = (text: string) => text.split('\n').filter(Boolean)

  test('is logged as JSON lines with the level in words', async () => {
    const [first = ''] = lines((await command('', waiting)).stderr)
    expect(JSON.parse(first)).toEqual({ level: 'info', time: expect.stringMatching(/T.*Z$/), msg: 'waiting for etcd' })
  })

  test('is logged from --log-level on', async () => {
    expect(lines((await command('--log-level error', waiting)).stderr)).toHaveLength(1)
    expect((await command('--log-level silent', waiting)).stderr).toBe('')
  })

  test('is shown live on a terminal that can, unless a log is asked for', async () => {
    const shown = async (args: string, env: Process['env'] = {}) => {
      const stderr = output({ isTTY: true })
      await command(args, { ...waiting, stderr, env })
      return stderr.text()
    }
    expect(await shown('')).toMatch(/^\r\x1b\[K +0\.0s {2}reading the key/)
    expect(await shown('--log-level info')).toMatch(/^\{"level":"info"/)
    expect(await shown('', { TERM: 'dumb' })).toMatch(/^\{"level":"info"/)
  })

  test('has, of the log, what is no event: that the key is open to others', async () => {
    const stderr = output({ isTTY: true })
    await command('', {
      stderr,
      async resolve({ logger }) {
        const child = logger?.child({})
        child?.warn({ file: 'client.key' }, 'the client key client.key has mode 0644')
        child?.warn({ revision: '7' }, "etcd's history was replaced")
        child?.info('waiting for etcd')
        return resolved
      },
    })
    expect(stderr.text()).toBe('    0.0s  the client key client.key has mode 0644\n')
  })

  test('leaves no listener on the events', async () => {
    let left: EventEmitter | undefined
    await command('', {
      stderr: output({ isTTY: true }),
      resolve: async ({ events }) => ((left = events as EventEmitter), resolved),
    })
    expect(left?.eventNames()).toEqual([])
  })
})
