import { normalizeAddress, splitAddress } from './host-port.ts'
import type { HostPort } from './host-port.ts'

/** An etcd client URL and its parts. It is parsed once, from the option, and never taken apart again. */
export interface Endpoint extends HostPort {
  /** The URL as `scheme://host:port`, normalised, with its port. */
  readonly url: string
  /** The URL without its scheme: `host:port`, an IPv6 host in brackets. */
  readonly address: string
  /** Whether the scheme is `https`. */
  readonly secure: boolean
}

/** etcd's client port, for URLs without a port; grpc-js would use 443. */
const defaultPort = '2379'

/**
 * Parses an etcd client URL, or returns why it is invalid.
 *
 * grpc-js takes a path, a trailing slash or a space for a part of the host name and resolves that name for ever, so these
 * are removed or refused here.
 */
export function parseEndpoint(text: string): Endpoint | { readonly problem: string } {
  const [, scheme, authority, rest] = /^(https?):\/\/([^/?#]*)(.*)$/i.exec(text.trim()) ?? []
  if (scheme === undefined || authority === undefined) return { problem: 'must start with https:// or http://' }
  if (rest !== '' && rest !== '/') return { problem: 'must have no path, query or fragment' }
  if (authority.includes('@')) return { problem: 'must have no user name or password; use the credentials option' }
  if (authority.includes(',')) return { problem: 'must be one URL; give several as an array' }
  const hasPort = /:\d+$/.test(authority.replace(/^\[.*\]/, ''))
  const address = normalizeAddress(hasPort ? authority : `${authority}:${defaultPort}`)
  if (address === undefined) return { problem: 'must be scheme://host:port' }
  const secure = scheme.toLowerCase() === 'https'
  return { url: `${secure ? 'https' : 'http'}://${address}`, address, secure, ...splitAddress(address) }
}
