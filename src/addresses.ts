/** The apiservers, as one stored revision of the key lists them. */
export interface AddressList {
  /** `host:port`, an IPv6 host in brackets; sorted, unique, never empty. */
  readonly addresses: readonly string[]
  /** `https://host:port`, in the same order. */
  readonly urls: readonly string[]
  /** The key's `mod_revision`, an int64 in decimal. */
  readonly revision: string
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
  readonly added: readonly string[]
  readonly removed: readonly string[]
}
