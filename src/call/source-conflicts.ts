import type { SourceOptions } from '../sources/options.ts'
import type { SourceKind } from '../sources/source.ts'
import { excerpt, secret } from '../util/text.ts'

/** The options that only one of the sources knows. */
interface GivenOptions extends Partial<Pick<SourceOptions, 'source' | 'tls' | 'tokenFile' | 'credentials' | 'key'>> {
  readonly endpoints?: readonly string[] | undefined
}

/** Returns the source that the options name, or that only one source has options for; `'auto'` if there is neither. */
export function impliedSource({ source = 'auto', ...options }: GivenOptions): SourceKind | 'auto' {
  if (source !== 'auto') return source
  const { endpoints, tls, tokenFile, key, credentials } = options
  if (tokenFile !== undefined) return 'kubernetes'
  const isEtcd = [endpoints, tls, key, credentials].some((option) => option !== undefined)
  return isEtcd ? 'etcd' : 'auto'
}

/** @throws TypeError that names the option and its value, if an option is not for the source */
export function checkSourceOptions(options: GivenOptions, source: SourceKind | 'auto'): void {
  const { tokenFile, key, credentials, endpoints = [] } = options
  if (source === 'etcd' && tokenFile !== undefined) {
    throw new TypeError(`Option "tokenFile" is only for the source 'kubernetes', got ${excerpt(tokenFile)}`)
  }
  if (source !== 'kubernetes') return
  const given = options.source === 'kubernetes' ? '' : ' together with "tokenFile"'
  if (key !== undefined) {
    throw new TypeError(`Option "key" is only for the source 'etcd', got ${excerpt(key)}${given}`)
  }
  // The value is not shown, because it has a password.
  if (credentials !== undefined) {
    throw new TypeError(`Option "credentials" is only for the source 'etcd'${given && `, and was given${given}`}`)
  }
  const plain = endpoints.find((url) => !/^\s*https:/i.test(url))
  if (plain === undefined) return
  const value = secret.test(plain) ? '' : `, got ${excerpt(plain)}`
  throw new TypeError(`Option "endpoints" must start with https:// for the source 'kubernetes'${value}`)
}
