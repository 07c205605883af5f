import { expect, test } from 'vitest'
import { readCommandLine } from '../../../src/command/arguments.ts'
import type { Request } from '../../../src/command/arguments.ts'
import { flags, variableOf } from '../../../src/command/flags.ts'
import { runCommand } from '../../support/run-command.ts'

/** A value for each flag. */
const values: Readonly<Record<string, string>> = {
  min: '3',
  expect: 'a,b:6443',
  settle: '3s',
  probe: 'tls',
  timeout: '1m30s',
  watch: '1',
  'shrink-delay': '2s',
  'probe-interval': '4s',
  json: 'true',
  output: '/run/list',
  'log-level': 'warn',
  'log-format': 'text',
  source: 'etcd',
  distribution: 'k3s',
  'data-dir': '/data',
  endpoints: 'https://a:2379,https://b:2379',
  cacert: 'ca',
  cert: 'crt',
  key: 'pem',
  user: 'me',
  'token-file': 'token',
  'address-key': 'x/y',
  'attempt-timeout': '2s',
  'probe-timeout': '1s',
  'max-attempts': '9',
  'initial-delay': '100ms',
  'max-delay': '5s',
  factor: '1.5',
  jitter: 'full',
}

const withPassword = { ETCDCTL_PASSWORD: 'hush' }

/** Another valid value of each flag for which it is not 7. */
const different: Readonly<Record<string, string>> = {
  ...Object.fromEntries(['settle', 'timeout', 'shrink-delay', 'probe-interval'].map((name) => [name, '7s'])),
  ...Object.fromEntries(['attempt-timeout', 'probe-timeout', 'initial-delay', 'max-delay'].map((name) => [name, '7s'])),
  'log-level': 'error',
  'log-format': 'json',
}

/** The flags that another flag needs. */
const needs: Readonly<Record<string, readonly string[]>> = {
  cert: ['--cacert=ca', '--key=other'],
  key: ['--cacert=ca', '--cert=crt'],
  'shrink-delay': ['--watch'],
  'probe-interval': ['--watch'],
}

/** Returns what a command line and its environment say, without the functions. */
function read(args: readonly string[], env: Record<string, string>): Omit<Request, 'explain'> {
  const { explain: _explain, ...request } = readCommandLine(args, { ...withPassword, ...env }) as Request
  return request
}

test.each(Object.keys(flags).filter((name) => variableOf(name) !== undefined))(
  'the variable of --%s does what the flag does, and the flag takes precedence over it',
  (name) => {
    const [value = '', variable = ''] = [values[name], variableOf(name)]
    expect(variable).toBe(`RKE2_APISERVER_RESOLVER_${name.replaceAll('-', '_').toUpperCase()}`)
    const isSwitch = flags[name]?.type === undefined
    const flag = isSwitch ? `--${name}` : `--${name}=${value}`
    const others = needs[name] ?? []
    const expected = read([flag, ...others], {})
    expect(expected).not.toEqual(read([], {}))
    expect(read(others, { [variable]: value })).toEqual(expected)
    expect(read([flag, ...others], { [variable]: isSwitch ? '0' : (different[name] ?? '7') })).toEqual(expected)
  },
)

test('--help and --version have no variable: they are no settings, and an image may set its version', () => {
  expect(Object.keys(flags).filter((name) => variableOf(name) === undefined)).toEqual(['help', 'version'])
  expect(read([], { RKE2_APISERVER_RESOLVER_VERSION: '1.2.3', RKE2_APISERVER_RESOLVER_HELP: '1' })).toEqual(
    read([], {}),
  )
})

test.each([
  ['1', true],
  ['true', true],
  ['0', false],
  ['false', false],
  ['', false],
])('a switch is set by its variable %j to %s', (text, value) => {
  const { json, watch } = read([], { RKE2_APISERVER_RESOLVER_JSON: text, RKE2_APISERVER_RESOLVER_WATCH: text })
  expect({ json, watch }).toEqual({ json: value, watch: value })
})

test.each([
  ['WATCH', 'yes', 'must be 1, true, 0 or false, got "yes"'],
  ['JSON', 'TRUE', 'must be 1, true, 0 or false, got "TRUE"'],
  ['MIN', 'x', 'must be a number, got "x"'],
  ['MIN', '0', 'must be a whole number of at least 1, got 0'],
  ['TIMEOUT', '3', 'must be a time such as 250ms, 3s, 5m or 1m30s, got "3"'],
  ['PROBE', 'ping', "must be 'tcp', 'tls' or 'readyz', got 'ping'"],
  ['SHRINK_DELAY', '3', 'must be a time such as 250ms, 3s, 5m or 1m30s, got "3"'],
])(
  'an invalid value in a variable ends the command with 2 and names the variable: %s=%s',
  async (name, text, problem) => {
    const variable = `RKE2_APISERVER_RESOLVER_${name}`
    expect(await runCommand('', { env: { [variable]: text } })).toMatchObject({
      code: 2,
      stdout: '',
      stderr: `rke2-apiserver-resolver: ${variable} ${problem} (see --help)\n`,
    })
  },
)

test('a variable that is only for --watch is ignored without it: the units of systemd may share an environment', () => {
  const env = { RKE2_APISERVER_RESOLVER_SHRINK_DELAY: '2s', RKE2_APISERVER_RESOLVER_PROBE_INTERVAL: '4s' }
  expect(read([], env)).toEqual(read([], {}))
  expect(read(['--watch'], env).options).toEqual({ shrinkDelayMs: 2000, probeIntervalMs: 4000 })
})

test("a flag takes precedence over its own variable, and that over etcdctl's", () => {
  const etcdctl = { ETCDCTL_KEY: 'c', ETCDCTL_CERT: 'crt', ETCDCTL_CACERT: 'ca' }
  const own = { ...etcdctl, RKE2_APISERVER_RESOLVER_KEY: 'b' }
  const keyFile = (args: string[], env: Record<string, string>) => read(args, env).options.tls?.keyFile
  expect([keyFile([], etcdctl), keyFile([], own), keyFile(['--key', 'a'], own)]).toEqual(['c', 'b', 'a'])
})

test('an empty variable sets nothing', () => {
  const env = Object.fromEntries(Object.keys(flags).map((name) => [variableOf(name) ?? '', '']))
  expect(read([], env)).toEqual(read([], {}))
})

test.each([
  ['RKE2_APISERVER_RESOLVER_SOURCE', 'kubernetes'],
  ['RKE2_APISERVER_RESOLVER_TOKEN_FILE', 'token'],
])("%s=%s ignores etcdctl's variables", (variable, value) => {
  expect(read([], { [variable]: value, ETCDCTL_ENDPOINTS: 'a:2379' }).options.endpoints).toBeUndefined()
})

test('a variable that is not that of a flag is ignored, such as those that Kubernetes sets for a Service', () => {
  expect(read([], { RKE2_APISERVER_RESOLVER_PORT: 'tcp://10.43.0.7:80' })).toEqual(read([], {}))
})
