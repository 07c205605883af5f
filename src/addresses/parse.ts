import * as z from 'zod/mini'
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
  const result = (listSchema ??= createListSchema()).safeParse(json)
  if (!result.success) {
    const [issue] = result.error.issues
    const index = issue?.path[0]
    if (typeof index !== 'number') return invalid(`the value ${issue?.message}: ${excerpt(text)}`)
    const entry = excerpt((json as unknown[])[index])
    return invalid(`entry ${index} ${issue?.message}: ${entry}; the value is ${excerpt(text)}`)
  }
  if (result.data.length === 0) return notSet('the key exists, and its list is empty')
  return { kind: 'list', addresses: result.data.toSorted().filter((address, index, all) => address !== all[index - 1]) }
}

let listSchema: ReturnType<typeof createListSchema> | undefined

function createListSchema() {
  const array = z
    .custom<readonly unknown[]>(Array.isArray, 'is not a JSON array of "host:port"')
    .check(z.refine(({ length }) => length <= maxEntries, `has more than ${maxEntries} entries`))
  const normalize = z.transform((entries: readonly unknown[], context) => {
    const addresses: string[] = []
    for (const [index, entry] of entries.entries()) {
      const address = typeof entry === 'string' ? normalizeAddress(entry) : undefined
      if (address === undefined) {
        const message = typeof entry === 'string' ? 'is not host:port' : 'is not a string'
        context.issues.push({ code: 'custom', message, path: [index], input: entry })
        return z.NEVER
      }
      addresses.push(address)
    }
    return addresses
  })
  return z.pipe(array, normalize)
}
