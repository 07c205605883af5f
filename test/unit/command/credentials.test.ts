import { expect, test } from 'vitest'
import { runCommand } from '../../support/run-command.ts'

const credentials = { username: 'me', password: 'a:b' }

test.for<[string, string, Record<string, string>]>([
  ['ETCDCTL_USER, after the name', '', { ETCDCTL_USER: 'me:a:b' }],
  ['ETCDCTL_PASSWORD, with the name in ETCDCTL_USER', '', { ETCDCTL_USER: 'me', ETCDCTL_PASSWORD: 'a:b' }],
  ['ETCDCTL_PASSWORD, with --user', '--user me', { ETCDCTL_USER: 'you:c', ETCDCTL_PASSWORD: 'a:b' }],
  [
    'ETCDCTL_PASSWORD, with the variable of --user',
    '',
    {
      RKE2_APISERVER_RESOLVER_USER: 'me',
      ETCDCTL_USER: 'you:c',
      ETCDCTL_PASSWORD: 'a:b',
    },
  ],
])('the password is read from %s', async ([_name, args, env]) => {
  expect((await runCommand(args, { env })).options.credentials).toEqual(credentials)
})

test('the variable of --user with a password is refused, and the password is not repeated', async () => {
  const { code, stderr } = await runCommand('', { env: { RKE2_APISERVER_RESOLVER_USER: 'me:hush' } })
  expect(code).toBe(2)
  expect(stderr).toBe(
    'rke2-apiserver-resolver: RKE2_APISERVER_RESOLVER_USER must be only the name: put the password into ' +
      'ETCDCTL_PASSWORD (see --help)\n',
  )
})

test('ETCDCTL_PASSWORD without a user sets no credentials', async () => {
  expect((await runCommand('', { env: { ETCDCTL_PASSWORD: 'a:b' } })).options.credentials).toBeUndefined()
})

test.for(['--user me:hush', '--user me:hush --user me', '--password hush', '--password=hush'])(
  'a password in the command line is refused and not repeated: %s',
  async (args) => {
    const { code, stderr } = await runCommand(args, { env: { ETCDCTL_PASSWORD: 'a:b' } })
    expect(code).toBe(2)
    expect(stderr).not.toContain('hush')
  },
)

test('--user with a password is refused with a message that says where the password belongs', async () => {
  expect((await runCommand('--user me:hush')).stderr).toBe(
    'rke2-apiserver-resolver: --user must be only the name: put the password into ETCDCTL_PASSWORD (see --help)\n',
  )
})
