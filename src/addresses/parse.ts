import { excerpt } from '../util/text.ts'
import { normalizeAddress } from './host-port.ts'

/** The content of a stored value: a list that is not empty, nothing yet, or an invalid value. */
export type ParsedValue =
  | { readonly kind: 'list'; readonly addresses: readonly string[] }
  | { readonly kind: 'not-set'; readonly message: string }
  | { readonly kind: 'invalid-value'; readonly message: string }

/** Far larger than any real list (10,000 IPv6 addresses are 0.5 MB), and small enough to be parsed at once. */
const maxBytes = 1 << 20
const maxEntries = 20_000

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

const invalid = (message: string): ParsedValue => ({ kind: 'invalid-value', message })
const notSet = (message: string): ParsedValue => ({ kind: 'not-set', message })

/**
 * Parses the stored value of the key, which RKE2 writes as a compact JSON array of `host:port` and one newline.
 *
 * An absent key, `""` (written by a cluster reset), `[]` (no apiserver is ready) and `null` mean that nothing is set yet.
 *
 * @param absence why there is no value
 */
export function parseAddresses(value: Uint8Array | undefined, absence = 'the key does not exist yet'): ParsedValue {
  if (value === undefined) return notSet(absence)
  if (value.length > maxBytes) return invalid(`the value has ${value.length} bytes, more than ${maxBytes}`)
  const text = decode(value)
  if (text === undefined) {
    return invalid(`the value is not UTF-8: ${excerpt(Buffer.from(value.subarray(0, 40)).toString('latin1'))}`)
  }
  if (text.trim() === '') return notSet('the key exists, and its value is empty')
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    return invalid(`the value is not JSON: ${excerpt(text)}`)
  }
  if (json === null) return notSet('the key exists, and its value is null')
  return checkList(json, text)
}

function decode(value: Uint8Array): string | undefined {
  try {
    return utf8.decode(value)
  } catch {
    return undefined
  }
}

function checkList(json: unknown, text: string): ParsedValue {
  if (!Array.isArray(json)) return invalid(`the value is not a JSON array of "host:port": ${excerpt(text)}`)
  if (json.length > maxEntries) return invalid(`the value has more than ${maxEntries} entries: ${excerpt(text)}`)
  const addresses: string[] = []
  for (const [index, entry] of json.entries()) {
    const address = typeof entry === 'string' ? normalizeAddress(entry) : undefined
    if (address === undefined) {
      const problem = typeof entry === 'string' ? 'is not host:port' : 'is not a string'
      return invalid(`entry ${index} ${problem}: ${excerpt(entry)}; the value is ${excerpt(text)}`)
    }
    addresses.push(address)
  }
  if (addresses.length === 0) return notSet('the key exists, and its list is empty')
  const sorted = addresses.toSorted()
  // Not a Set, which would take as long as all the rest.
  return { kind: 'list', addresses: sorted.filter((address, index) => address !== sorted[index - 1]) }
}
