import { isIPv4 } from 'node:net'

/** A port that needs no normalising. */
const usualPort = /^[1-9]\d{0,3}$/

const hostname = /^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*\.?$/i

/** Returns a normalised host (IPv6 in brackets in its shortest form, names in lower case); `undefined` if it is invalid. */
export function normalizeHost(text: string): string | undefined {
  if (isIPv4(text) || text === '[::1]') return text
  const bare = text.startsWith('[') && text.endsWith(']') ? text.slice(1, -1) : text
  // A zone names an interface of the node that wrote the address, and has no place in a URL.
  if (isIPv6(bare)) return bare.includes('%') ? undefined : new URL(`http://[${bare}]`).hostname
  if (bare !== text || text.length > 253 || !hostname.test(text)) return undefined
  const host = text.toLowerCase()
  // URL takes a name that ends in a number for an IPv4 address, and completes it: 1.2.3 becomes 1.2.0.3.
  return URL.parse(`http://${host}`)?.hostname === host ? host : undefined
}

/** The first call of Node's function takes some milliseconds and 1 MB of memory, so it is made only where it can matter. */
const isIPv6 = (host: string): boolean => host.includes(':') && process.getBuiltinModule('node:net').isIPv6(host)

/** Returns a normalised `host:port`; `undefined` if it is invalid. */
export function normalizeAddress(text: string): string | undefined {
  const colon = text.lastIndexOf(':')
  const hostText = text.slice(0, Math.max(0, colon))
  const portText = text.slice(colon + 1)
  // What RKE2 writes is returned as it is: a list may have 10,000 addresses.
  if (isIPv4(hostText) && usualPort.test(portText)) return text
  const port = Number(portText)
  if (!/^\d{1,5}$/.test(portText) || port < 1 || port > 65_535) return undefined
  // An IPv6 host needs brackets: fd00::1:6443 may be a host with or without a port.
  if (hostText.includes(':') && !hostText.startsWith('[')) return undefined
  const host = normalizeHost(hostText)
  return host && `${host}:${port}`
}

/** The parts of an address as sockets take them: an IPv6 host without brackets. */
export interface HostPort {
  readonly host: string
  readonly port: number
}

/** Returns the parts of a normalised `host:port`. */
export function splitAddress(address: string): HostPort {
  const colon = address.lastIndexOf(':')
  return { host: address.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(address.slice(colon + 1)) }
}
