import type { GivenOptions } from './given-options.ts'
import type { Environment } from './settings.ts'
import { UsageError } from './usage-error.ts'

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
 * @throws UsageError if there is no password
 */
export function addPassword(given: GivenOptions, user: EtcdctlUser, env: Environment): void {
  const origin = given.originOf('credentials.username')
  if (origin === undefined) return
  const password = origin === 'ETCDCTL_USER' ? user.password : env['ETCDCTL_PASSWORD']
  if (password === undefined) throw new UsageError(`${origin} needs the password in ETCDCTL_PASSWORD`)
  given.set('credentials.password', 'ETCDCTL_PASSWORD', password)
}
