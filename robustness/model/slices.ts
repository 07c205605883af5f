import type { EndpointSlice } from '../../test/support/kube-apiserver-client.ts'

/** The names of the EndpointSlices that a campaign writes. */
export type SliceName = 'kubernetes' | 'kubernetes-2' | 'kubernetes-ipv6'

/** A write of an EndpointSlice, its deletion, or a write that does not concern the list. */
export type SliceWrite =
  | { readonly type: 'put'; readonly name: SliceName; readonly endpoints: readonly SliceEndpoint[] }
  | { readonly type: 'delete'; readonly name: SliceName }
  | { readonly type: 'unrelated' }

export interface SliceEndpoint {
  /** An address as "host:port". */
  readonly address: string
  readonly ready: boolean
}

/** Returns the slice as the API has it. */
export function sliceObject(name: SliceName, endpoints: readonly SliceEndpoint[]): EndpointSlice {
  return {
    addressType: name === 'kubernetes-ipv6' ? 'IPv6' : 'IPv4',
    endpoints: endpoints.map(({ address, ready }) => ({ addresses: [hostOf(address)], conditions: { ready } })),
    ports: [{ name: 'https', port: 6443 }],
  }
}

/** Returns the host of an address without brackets. */
const hostOf = (address: string) => address.slice(0, address.lastIndexOf(':')).replace(/^\[(.*)\]$/, '$1')

/** Returns the list that the slices are together: their endpoints that are ready, sorted and without duplicates. */
export function addressesOf(slices: Iterable<readonly SliceEndpoint[]>): string[] {
  const ready = [...slices].flat().filter((endpoint) => endpoint.ready)
  return [...new Set(ready.map(({ address }) => address))].toSorted()
}
