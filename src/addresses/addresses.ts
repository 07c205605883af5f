import { printable } from '../util/text.ts'
import { z } from '../util/zod.ts'

/** The apiservers, as one stored revision of the key lists them. */
export interface AddressList {
  /** `host:port`, an IPv6 host in brackets; sorted (with `probe`, those that are dead come last), unique, never empty. */
  readonly addresses: readonly string[]
  /** `https://host:port`, in the same order. */
  readonly urls: readonly string[]
  /** The key's `mod_revision`, an int64 in decimal. */
  readonly revision: string
  /** With `probe`: the state of each address, in the same order. In a watch, one that is new has none for a moment. */
  readonly probes?: readonly ProbedAddress[]
}

/** What a probe has found out about an address. */
export interface ProbedAddress {
  /** `host:port`, as in the list. */
  readonly address: string
  /** Whether it passed the probe that the option `probe` asks for. */
  readonly state: 'alive' | 'dead'
  /** Milliseconds until that was known. */
  readonly latencyMs: number
  /** What a dead one is dead of, on one line. */
  readonly cause?: string
  /** With `'tls'` and `'readyz'`: its certificate is one of the distribution's server CA, and names the address. */
  readonly verified?: boolean
}

/** What {@link resolveApiserverAddresses} gives. */
export interface ResolvedAddresses extends AddressList {
  /** Reads of the key, the first included. */
  readonly attempts: number
  /** Milliseconds from the call to the list. */
  readonly elapsedMs: number
}

/** What {@link watchApiserverAddresses} yields: the list as it is now, and how it differs from the one yielded before. */
export interface AddressChange extends AddressList {
  /** In the list now, and not in the one yielded before; everything, at first. */
  readonly added: readonly string[]
  /** In the list yielded before, and not in it now. */
  readonly removed: readonly string[]
}

/** What a stored value says: a list that is not empty, that nothing is set yet, or nonsense. */
export type Parsed =
  | { readonly kind: 'list'; readonly addresses: readonly string[] }
  | { readonly kind: 'not-set'; readonly message: string }
  | { readonly kind: 'invalid-value'; readonly message: string }

/** Larger than any real list by far (10,000 IPv6 entries are 0.5 MB), and small enough to parse at once. */
const maxBytes = 1 << 20
const maxEntries = 20_000

const hostname = /^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*\.?$/i

const usual = /^(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)){3}:[1-9]\d{0,3}$/

/** Normalises a host: IPv6 in brackets in its shortest form, names in lower case; `undefined` if it is none. */
export function normalizeHost(text: string): string | undefined {
  const bare = text.startsWith('[') && text.endsWith(']') ? text.slice(1, -1) : text
  const { isIPv6 } = process.getBuiltinModule('node:net')
  // A zone names an interface of the node that wrote it, and has no place in a URL.
  if (isIPv6(bare)) return bare.includes('%') ? undefined : new URL(`http://[${bare}]`).hostname
  if (bare !== text || text.length > 253 || !hostname.test(text)) return undefined
  const host = text.toLowerCase()
  // What ends in a number is an IPv4 address to URL, which would repair it (1.2.3 is 1.2.0.3, 0x7f.1 is 127.0.0.1).
  return URL.parse(`http://${host}`)?.hostname === host ? host : undefined
}

/** Normalises `host:port`; `undefined` if it is none. */
export function normalizeAddress(text: string): string | undefined {
  // As RKE2 writes it: of 10,000, every one counts.
  if (usual.test(text)) return text
  const [, hostText, portText] = /^(.+):(\d{1,5})$/.exec(text) ?? []
  if (hostText === undefined || portText === undefined) return undefined
  // An IPv6 host must be in brackets: the port of fd00::1:6443 is anybody's guess.
  if (hostText.includes(':') && !hostText.startsWith('[')) return undefined
  const host = normalizeHost(hostText)
  const port = Number(portText)
  return host !== undefined && port >= 1 && port <= 65_535 ? `${host}:${port}` : undefined
}

const excerptOptions = { breakLength: Infinity, customInspect: false, maxArrayLength: 3, maxStringLength: 80 }

/**
 * For messages: the start of a value on one line, quoted, with nothing left that a terminal would obey.
 *
 * @param depth -1 tells only the kind of an object, and not what is in it
 */
export function excerpt(value: unknown, depth = 0): string {
  // Not imported: that would take 1.5 ms of every start.
  const { inspect } = process.getBuiltinModule('node:util')
  const text = printable(inspect(typeof value === 'string' ? value.slice(0, 100) : value, { ...excerptOptions, depth }))
  return text.length > 140 ? `${text.slice(0, 140).toWellFormed()}...` : text
}

function schema() {
  return z
    .custom<readonly unknown[]>(Array.isArray, 'is not a JSON array of "host:port"')
    .refine(({ length }) => length <= maxEntries, `has more than ${maxEntries} entries`)
    .transform((entries, context) => {
      const addresses: string[] = []
      for (const [index, entry] of entries.entries()) {
        const address = typeof entry === 'string' ? normalizeAddress(entry) : undefined
        if (address === undefined) {
          const message = typeof entry === 'string' ? 'is not host:port' : 'is not a string'
          context.addIssue({ code: 'custom', message, path: [index] })
          return z.NEVER
        }
        addresses.push(address)
      }
      return addresses
    })
}
let listSchema: ReturnType<typeof schema> | undefined

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Reads the stored value of the key, which RKE2 writes as a compact JSON array of `host:port` and one newline.
 * An absent key, `""` (a cluster reset), `[]` (no ready endpoint) and `null` say that nothing is set yet.
 */
export function parseAddresses(value: Uint8Array | undefined): Parsed {
  if (value === undefined) return { kind: 'not-set', message: 'the key does not exist yet' }
  const invalid = (message: string): Parsed => ({ kind: 'invalid-value', message })
  if (value.length > maxBytes) return invalid(`the value has ${value.length} bytes, more than ${maxBytes}`)

  let text: string
  try {
    text = utf8.decode(value)
  } catch {
    return invalid(`the value is not UTF-8: ${excerpt(Buffer.from(value.subarray(0, 40)).toString('latin1'))}`)
  }
  if (text.trim() === '') return { kind: 'not-set', message: 'the key is there, and its value is empty' }

  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    return invalid(`the value is not JSON: ${excerpt(text)}`)
  }
  if (json === null) return { kind: 'not-set', message: 'the key is there, and its value is null' }

  const result = (listSchema ??= schema()).safeParse(json)
  if (!result.success) {
    const [issue] = result.error.issues
    const index = issue?.path[0]
    return typeof index === 'number'
      ? invalid(
          `entry ${index} ${issue?.message}: ${excerpt((json as unknown[])[index])}; the value is ${excerpt(text)}`,
        )
      : invalid(`the value ${issue?.message}: ${excerpt(text)}`)
  }
  if (result.data.length === 0) return { kind: 'not-set', message: 'the key is there, and its list is empty' }
  return { kind: 'list', addresses: result.data.toSorted().filter((address, index, all) => address !== all[index - 1]) }
}

/** Does once what the first list of a process takes a millisecond for: better now, while it is waited for. */
export function prepareToParse(): void {
  parseAddresses(Buffer.from('["localhost:6443"]'))
}

const ranks = { alive: 0, unknown: 1, dead: 2 } as const

/** The public form of a sorted list; what is known to be dead comes last. */
export function addressList(
  addresses: readonly string[],
  revision: string,
  probes?: readonly ProbedAddress[],
): AddressList {
  const probe = new Map(probes?.map((each) => [each.address, each]))
  const rank = (address: string) => ranks[probe.get(address)?.state ?? 'unknown']
  const ordered = addresses.toSorted((a, b) => rank(a) - rank(b))
  return {
    addresses: Object.freeze(ordered),
    urls: Object.freeze(ordered.map((address) => `https://${address}`)),
    revision,
    ...(probes !== undefined && { probes: Object.freeze(ordered.flatMap((address) => probe.get(address) ?? [])) }),
  }
}

/** The same for lists that say the same: latencies and causes come and go. */
export const stateOf = ({ addresses, probes }: AddressList): string =>
  JSON.stringify([addresses, probes?.map(({ address, state }) => [address, state])])
