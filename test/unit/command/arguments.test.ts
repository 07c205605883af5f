import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { readCommandLine } from '../../../src/command/arguments.ts'
import { flags } from '../../../src/command/flags.ts'
import { fuzzSeed } from '../../support/fuzz.ts'
import { runCommand } from '../../support/run-command.ts'

test('readCommandLine returns help and version before anything else is checked', () => {
  expect(readCommandLine(['-h', '--min', 'x'], {})).toBe('help')
  expect(readCommandLine(['--version', '--cert', 'x'], {})).toBe('version')
})

test('readCommandLine takes -V for --version', () => {
  expect(readCommandLine(['-V'], {})).toBe('version')
})

test('each flag sets its option of the library', async () => {
  const { options } = await runCommand(
    '--min 3 --expect a,b --expect c:6443 --settle 3s --timeout infinity --distribution k3s --data-dir /data ' +
      '--endpoints https://a:2379,https://b:2379 --endpoints https://c:2379 --cacert ca --cert crt --key pem ' +
      '--source etcd --address-key x/y --attempt-timeout 2s --max-attempts 9 --initial-delay 100ms --max-delay 1m30s --factor 1.5 ' +
      '--jitter full --probe readyz --probe-timeout 1s',
  )
  expect(options).toEqual({
    minAddresses: 3,
    expect: ['a', 'b', 'c:6443'],
    settleMs: 3000,
    timeoutMs: Infinity,
    source: 'etcd',
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

test('the flags of a watch set its options', async () => {
  expect((await runCommand('--watch --probe tcp --probe-interval 1m')).options).toEqual({
    probe: 'tcp',
    probeIntervalMs: 60_000,
  })
  expect((await runCommand('--watch --shrink-delay 1s')).options).toEqual({ shrinkDelayMs: 1000 })
})

test('a flag that is not given sets no option, so that the library uses its default', async () => {
  expect((await runCommand('')).options).toEqual({})
})

const etcdctl = {
  ETCDCTL_ENDPOINTS: 'https://a:2379,https://b:2379',
  ETCDCTL_CACERT: 'ca',
  ETCDCTL_CERT: 'crt',
  ETCDCTL_KEY: 'pem',
}

test('the variables of etcdctl set the options', async () => {
  expect((await runCommand('', { env: etcdctl })).options).toEqual({
    endpoints: ['https://a:2379', 'https://b:2379'],
    tls: { caFile: 'ca', certFile: 'crt', keyFile: 'pem' },
  })
})

test.each([
  [{}, 'http://a:2379'],
  [{ ETCDCTL_CACERT: 'ca' }, 'https://a:2379'],
  [{ ETCDCTL_CACERT: 'ca', ETCDCTL_CERT: 'crt', ETCDCTL_KEY: 'pem' }, 'https://a:2379'],
])('ETCDCTL_ENDPOINTS without a scheme, with %j, is %s', async (files, url) => {
  const env = { ...files, ETCDCTL_ENDPOINTS: 'a:2379,https://b:2379' }
  expect((await runCommand('', { env })).options.endpoints).toEqual([url, 'https://b:2379'])
})

test('--endpoints needs a scheme, because etcdctl is not called here', async () => {
  expect(await runCommand('--endpoints a:2379')).toMatchObject({ code: 2 })
})

test('ETCDCTL_CACERT alone sets only the CA', async () => {
  const { options } = await runCommand('', { env: { ETCDCTL_ENDPOINTS: 'a:2379', ETCDCTL_CACERT: 'ca' } })
  expect(options).toEqual({ endpoints: ['https://a:2379'], tls: { caFile: 'ca' } })
})

test.each(['--source kubernetes', '--token-file token'])('%s ignores the variables of etcdctl', async (args) => {
  const { options } = await runCommand(args, { env: { ...etcdctl, ETCDCTL_USER: 'root:secret' } })
  const [flag, value] = args.split(' ')
  expect(options).toEqual({ [flag === '--source' ? 'source' : 'tokenFile']: value })
})

test('an empty variable of etcdctl sets no option, and a flag takes precedence over its variable', async () => {
  const env = { ...etcdctl, ETCDCTL_ENDPOINTS: '' }
  expect((await runCommand('--key other', { env })).options).toEqual({
    tls: { caFile: 'ca', certFile: 'crt', keyFile: 'other' },
  })
})

test.for([
  ['--min x', '--min must be a number, got "x"'],
  ['--min=-3', '--min must be a number, got "-3"'],
  ['--settle 3', '--settle must be a time such as 250ms, 3s, 5m or 1m30s, got "3"'],
  ['--expect a,,b', '--expect must not be empty, got ""'],
  ['--log-level loud', '--log-level must be one of trace, debug, info, warn, error, fatal, silent, got "loud"'],
  ['--cacert ca --key pem', '--cacert, --cert and --key go together; missing: --cert'],
  ['--cert crt', '--cacert, --cert and --key go together; missing: --cacert, --key'],
  ['--shrink-delay 3s', '--shrink-delay needs --watch'],
  ['--probe tcp --probe-interval 3s', '--probe-interval needs --watch'],
  ['--user me', '--user needs the password in ETCDCTL_PASSWORD'],
  ['--watch=yes', "Option '--watch' does not take an argument"],
  ['--nope', "Unknown option '--nope'"],
  ['--mim 3', "Unknown option '--mim', did you mean --min?"],
  ['-v', "Unknown option '-v', did you mean -V?"],
  ['--min', "Option '--min <value>' argument missing"],
  ['here', "Unexpected argument 'here': a COMMAND to start goes after --"],
  ['--json here --watch', "Unexpected argument 'here': a COMMAND to start goes after --"],
  ['--', '-- needs a COMMAND to start'],
  ['--json --', '-- needs a COMMAND to start'],
  ['--watch -- true', '--watch never ends, so that COMMAND would never start'],
  ['--log-format xml', '--log-format must be one of auto, text, json, got "xml"'],
  ['--output=', '--output must not be empty, got ""'],
])('wrong usage ends the command with 2 and a message that names the flag: %s', async ([args = '', message]) => {
  expect(await runCommand(args)).toEqual({
    code: 2,
    stdout: '',
    stderr: `rke2-apiserver-resolver: ${message} (see --help)\n`,
    options: expect.anything(),
  })
})

test.each([
  ['control characters', '\x1b'.repeat(400), '\\u{1b}'.repeat(371)],
  ['surrogate pairs', '\u{1f600}'.repeat(200), `${'\u{1f600}'.repeat(185)}\\u{d83d}`],
])('a usage error with %s is cut after 400 characters, and no escape is cut', async (_title, given, shown) => {
  const { stderr } = await runCommand(['--min', given])
  expect(stderr).toBe(`rke2-apiserver-resolver: --min must be a number, got "${shown} (see --help)\n`)
})

const hostileText = fc.oneof(
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

test('any command line and environment ends with 0 or 2, at most one line on stderr, and no secret', async () => {
  // Without --output, which would write files.
  const flag = fc.constantFrom(...Object.keys(flags).filter((name) => name !== 'output'))
  const argument = fc.oneof(
    fc.tuple(flag, hostileText).map(([name, value]) => [`--${name}`, value]),
    fc.tuple(flag, hostileText).map(([name, value]) => [`--${name}=${value}`]),
    flag.map((name) => [`--${name}`]),
    hostileText.map((value) => [value]),
  )
  const variables = [
    ...['ENDPOINTS', 'CACERT', 'CERT', 'KEY', 'USER', 'PASSWORD'].map((name) => `ETCDCTL_${name}`),
    ...['MIN', 'EXPECT', 'WATCH', 'USER', 'LOG_LEVEL'].map((name) => `RKE2_APISERVER_RESOLVER_${name}`),
  ]
  const env = fc.dictionary(fc.constantFrom(...variables, 'TERM'), hostileText)
  await fc.assert(
    fc.asyncProperty(fc.array(argument, { maxLength: 4 }), env, async (args, environment) => {
      const { code, stderr, stdout } = await runCommand(args.flat(), { env: environment })
      expect([0, 2]).toContain(code)
      expect(stderr).toMatch(code === 0 ? /^$/ : /^rke2-apiserver-resolver: .{1,2000}\n$/)
      expect(stderr.trimEnd()).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]|hush/u)
      if (code === 2) expect(stdout).toBe('')
    }),
    { numRuns: 2000, seed: fuzzSeed },
  )
})

test('a usage error is one line of printable characters, for any argument', async () => {
  const hostile = fc.string({ unit: fc.constantFrom(...'\x1b[2J\r\n\t\x9b\u2028\u202eab-='.split('')) })
  await fc.assert(
    fc.asyncProperty(fc.constantFrom('--min=', '--', '-', ''), hostile, async (before, text) => {
      const { stderr } = await runCommand([`${before}${text}`])
      expect(stderr).toMatch(/^[\x20-\x7e]*\n?$/)
    }),
    { seed: fuzzSeed },
  )
})
