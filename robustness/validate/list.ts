import type { AddressList } from '../../src/index.ts'

/** Returns what is wrong with a list that a caller got, independent of what etcd stores. */
export function validateList({ addresses, urls, revision }: AddressList): string | undefined {
  if (addresses.length === 0) return 'the list is empty'
  if ([...new Set(addresses)].toSorted().join() !== addresses.join()) {
    return `the list is not sorted, or has a duplicate: ${addresses.join()}`
  }
  if (addresses.map((address) => `https://${address}`).join() !== urls.join()) {
    return `the URLs do not match the addresses ${addresses.join()}: ${urls.join()}`
  }
  return /^[1-9]\d*$/.test(revision) ? undefined : `invalid revision: ${revision}`
}
