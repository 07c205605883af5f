import type { ConnectionOptions, PeerCertificate } from 'node:tls'

/**
 * For `tls.connect`, whether the host is a name or an IP address. An address goes without server name, and is checked
 * all the same: against the certificate's IP entries.
 */
export function identity(host: string): Pick<ConnectionOptions, 'servername' | 'checkServerIdentity'> {
  const { X509Certificate } = process.getBuiltinModule('node:crypto')
  const { isIP } = process.getBuiltinModule('node:net')
  const { checkServerIdentity } = process.getBuiltinModule('node:tls')
  if (isIP(host) === 0) return { servername: host }
  // Some versions of Node 22, 24 and 26 take no IPv6 address for one. (nodejs/node#64032)
  const listed = ({ raw }: PeerCertificate) => new X509Certificate(raw).checkIP(host) !== undefined
  return {
    servername: '',
    checkServerIdentity: (_, certificate) => (listed(certificate) ? undefined : checkServerIdentity(host, certificate)),
  }
}
