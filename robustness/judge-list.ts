import type { AddressList } from '../src/index.ts'

/** What is wrong with a list that is given to a caller, whatever etcd says. */
export function malformed({ addresses, urls, revision }: AddressList): string | undefined {
  if (addresses.length === 0) return 'invariant 1: the list is empty'
  if ([...new Set(addresses)].toSorted().join() !== addresses.join()) {
    return `the list is not sorted and unique: ${addresses.join()}`
  }
  if (addresses.map((address) => `https://${address}`).join() !== urls.join()) {
    return `the URLs are not those of the addresses: ${urls.join()}`
  }
  return /^[1-9]\d*$/.test(revision) ? undefined : `the revision is ${revision}`
}
