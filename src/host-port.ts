/** The parts of `host:port` or `scheme://host:port`, normalised, as sockets take them: an IPv6 host without brackets. */
export function hostAndPort(address: string): { readonly host: string; readonly port: number } {
  // Not by URL, which leaves out the port that its scheme has by itself.
  const [, host = '', port] = /^(?:\w+:\/\/)?\[?(.*?)\]?:(\d+)$/.exec(address) ?? []
  return { host, port: Number(port) }
}
