/** The parts of `host:port` or `scheme://host:port`, normalised, as sockets take them: an IPv6 host without brackets. */
export function hostAndPort(address: string): { readonly host: string; readonly port: number } {
  // Not by URL, which leaves out the port that its scheme has by itself.
  const colon = address.lastIndexOf(':')
  const host = address.slice(0, colon).replace(/^(\w+:\/\/)?\[?|\]$/g, '')
  return { host, port: Number(address.slice(colon + 1)) }
}
