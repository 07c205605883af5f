import { defaults } from '../../src/call/defaults.ts'
import type { ResolveOptions } from '../../src/index.ts'

/** Returns which condition of `minAddresses` and `expect` a list does not meet. */
export function validateCompleteness(
  { minAddresses = defaults.minAddresses, expect = defaults.expect }: ResolveOptions,
  addresses: readonly string[],
): string | undefined {
  if (addresses.length < minAddresses) {
    return `the list has ${addresses.length} addresses, but minAddresses is ${minAddresses}`
  }
  const missing = expect.find(
    (expected) => !addresses.some((address) => address === expected || address.startsWith(`${expected}:`)),
  )
  return missing === undefined ? undefined : `expected address ${missing} is missing in ${addresses.join()}`
}
