import { etcdPort } from '../rke2.ts'
import { normalizeAddress, splitAddress } from './host-port.ts'
import type { HostPort } from './host-port.ts'

/** The URL of a server of etcd or Kubernetes, and its parts. It is parsed once, from the option, and never taken apart again. */
export interface Endpoint extends HostPort {
  /** The URL as `scheme://host:port`, normalised, with its port. */
  readonly url: string
  /** The URL without its scheme: `host:port`, an IPv6 host in brackets. */
  readonly address: string
  /** Whether the scheme is `https`. */
  readonly secure: boolean
}

/**
 * Parses the URL of a server, or returns why it is invalid.
 *
 * grpc-js takes a path, a trailing slash or a space for a part of the host name and resolves that name for ever, so these
 * are removed or refused here.
 *
 * @param defaultPort the port of a URL without a port; by default that of etcd
 */
export function parseEndpoint(text: string, defaultPort: number = etcdPort): Endpoint | { readonly problem: string } {
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

/** Parses URLs that are valid, and returns each endpoint once. */
export function parseEndpoints(urls: readonly string[], defaultPort: number): [Endpoint, ...Endpoint[]] {
  const endpoints = urls.map((url) => parseEndpoint(url, defaultPort)).filter((endpoint) => 'url' in endpoint)
  return [...new Map(endpoints.map((endpoint) => [endpoint.url, endpoint])).values()] as [Endpoint, ...Endpoint[]]
}
