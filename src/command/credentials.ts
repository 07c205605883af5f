import type { GivenOptions } from './given-options.ts'
import { UsageError } from './usage-error.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** The user that the environment names. */
export interface EtcdctlUser {
  readonly name: string
  readonly password: string | undefined
}

/** Reads `ETCDCTL_USER`, which is a name or, as for etcdctl, `name:password`. */
export function etcdctlUser(env: Environment): EtcdctlUser {
  const [name = '', ...password] = (env['ETCDCTL_USER'] ?? '').split(':')
  return { name, password: password.length > 0 ? password.join(':') : env['ETCDCTL_PASSWORD'] }
}

/**
 * Adds the password if a user was given. It is read only from the environment.
 *
 * @param userFlag the text of `--user`; `undefined` if the flag was not given
 * @throws UsageError if there is no password, or if `--user` seems to have one
 */
export function addPassword(given: GivenOptions, user: EtcdctlUser, env: Environment, userFlag?: string): void {
  const origin = given.originOf('credentials.username')
  if (origin === undefined) return
  if (userFlag?.includes(':')) {
    throw new UsageError(
      '--user is only the name: put the password into ETCDCTL_PASSWORD, because every user can read a command line',
    )
  }
  const password = userFlag !== undefined ? env['ETCDCTL_PASSWORD'] : user.password
  if (password === undefined) throw new UsageError(`${origin} needs the password in ETCDCTL_PASSWORD`)
  given.set('credentials.password', 'ETCDCTL_PASSWORD', password)
}
