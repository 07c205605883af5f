/** The addresses of the apiservers at one revision of the list. */
export interface AddressList {
  /**
   * The addresses as `host:port`, an IPv6 host in brackets: sorted, unique and never empty. With `probe`, dead
   * addresses come last.
   */
  readonly addresses: readonly string[]
  /** The addresses as `https://host:port`, in the same order. */
  readonly urls: readonly string[]
  /** Where the list was read. */
  readonly source: 'etcd' | 'kubernetes'
  /** The revision of the list, an int64 in decimal: the key's `mod_revision`, or the newest `resourceVersion`. */
  readonly revision: string
  /**
   * With `probe`: the state of each address, in the same order. In a watch, an address that was just added has no entry
   * until its first probe has ended.
   */
  readonly probes?: readonly ProbedAddress[]
}

/** The result of one probe. */
export interface ProbedAddress {
  /** The address as `host:port`, as in the list. */
  readonly address: string
  /** `'alive'` if the address passed the probe that the option `probe` names. */
  readonly state: 'alive' | 'dead'
  /** The duration of the probe in milliseconds. */
  readonly latencyMs: number
  /** Why the address is dead, on one line. */
  readonly cause?: string
  /** With `'tls'` and `'readyz'`: whether the server CA of the cluster signed the certificate, and it names the address. */
  readonly verified?: boolean
}

/** The result of {@link resolveApiserverAddresses}. */
export interface ResolvedAddresses extends AddressList {
  /** The number of reads of the list, including the first. */
  readonly attempts: number
  /** Milliseconds from the call to the list. */
  readonly elapsedMs: number
}

/** What {@link watchApiserverAddresses} yields: the current list, and the difference from the list yielded before. */
export interface AddressChange extends AddressList {
  /** The addresses that were not in the list yielded before. In the first list, all of them. */
  readonly added: readonly string[]
  /** The addresses that were in the list yielded before and are not in this one. */
  readonly removed: readonly string[]
}

const order = { alive: 0, unknown: 1, dead: 2 } as const

/** Returns the public form of a sorted list. Dead addresses come last. */
export function addressList(
  addresses: readonly string[],
  source: AddressList['source'],
  revision: string,
  probes?: readonly ProbedAddress[],
): AddressList {
  const byAddress = new Map(probes?.map((probe) => [probe.address, probe]))
  const rank = (address: string) => order[byAddress.get(address)?.state ?? 'unknown']
  const sorted = addresses.toSorted((a, b) => rank(a) - rank(b))
  return {
    addresses: Object.freeze(sorted),
    urls: Object.freeze(sorted.map((address) => `https://${address}`)),
    source,
    revision,
    ...(probes !== undefined && { probes: Object.freeze(sorted.flatMap((address) => byAddress.get(address) ?? [])) }),
  }
}

/** Returns a text that is equal for two lists with the same addresses in the same state. Latencies do not count. */
export const stateOf = ({ addresses, probes }: AddressList): string =>
  JSON.stringify([addresses, probes?.map(({ address, state }) => [address, state])])

/** Returns the addresses that lead from one list to another. */
export function difference(
  from: readonly string[],
  to: readonly string[],
): { readonly added: readonly string[]; readonly removed: readonly string[] } {
  const [before, after] = [new Set(from), new Set(to)]
  return {
    added: Object.freeze(to.filter((address) => !before.has(address))),
    removed: Object.freeze(from.filter((address) => !after.has(address))),
  }
}
