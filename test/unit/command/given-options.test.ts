import { expect, test } from 'vitest'
import { GivenOptions } from '../../../src/command/given-options.ts'
import { UsageError } from '../../../src/command/usage-error.ts'
import { runCommand } from '../../support/run-command.ts'

test('GivenOptions groups options by the name before the dot, and knows what set them', () => {
  const given = new GivenOptions()
  given.set('tls.caFile', '--cacert', 'ca')
  given.set('tls.keyFile', 'ETCDCTL_KEY', 'pem')
  given.set('minAddresses', '--min', 3)
  expect(given.options).toEqual({ tls: { caFile: 'ca', keyFile: 'pem' }, minAddresses: 3 })
  expect(given.originOf('tls.keyFile')).toBe('ETCDCTL_KEY')
  expect(given.originOf('tls.certFile')).toBeUndefined()
  expect(given.originOf('tls')).toBe('--cacert')
})

test('GivenOptions explains an error about an option that was not given with the flag of the option', () => {
  const error = new GivenOptions().explain(new TypeError('Option "retry.factor" must be a number, got 0'))
  expect(error).toEqual(new UsageError('--factor must be a number, got 0'))
})

test('GivenOptions returns any other error as it is', () => {
  for (const error of [new TypeError('x is not a function'), new Error('Option "key" must be a string'), 'SIGINT']) {
    expect(new GivenOptions().explain(error)).toBe(error)
  }
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
])('a value that the library refuses is a usage error that names the flag: %s', async ([args = '', value]) => {
  const { code, stdout, stderr } = await runCommand(args)
  const [flag] = args.split(' ').slice(-2)
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  expect(stderr).toMatch(new RegExp(`^rke2-apiserver-resolver: ${flag} must .*, got ${value} \\(see --help\\)\n$`))
})

test.for([
  ['--source kubernetes --user bob', '--user', { ETCDCTL_PASSWORD: 'x' }],
  ['--token-file x --user bob', '--user', { ETCDCTL_PASSWORD: 'x' }],
  [
    '--source kubernetes',
    'RKE2_APISERVER_RESOLVER_USER',
    { RKE2_APISERVER_RESOLVER_USER: 'bob', ETCDCTL_PASSWORD: 'x' },
  ],
] as const)('credentials without the source etcd are a usage error about the user: %s %s', async (row) => {
  const [args, origin, env] = row
  const { code, stderr } = await runCommand(args, { env })
  expect(code).toBe(2)
  expect(stderr).toMatch(`rke2-apiserver-resolver: ${origin} is only for the source 'etcd'`)
})

test('a usage error about two options that exclude each other names both flags', async () => {
  const { code, stderr } = await runCommand('--token-file x --address-key a')
  expect(code).toBe(2)
  expect(stderr).toContain(
    "--address-key is only for the source 'etcd', got 'a' together with --token-file (see --help)",
  )
})

test('a value that the library refuses is a usage error that names the variable that set it', async () => {
  const { code, stderr } = await runCommand('', { env: { ETCDCTL_ENDPOINTS: 'ftp://localhost:2379' } })
  expect(code).toBe(2)
  expect(stderr).toContain("ETCDCTL_ENDPOINTS must start with https:// or http://, got 'ftp://localhost:2379'")
})
