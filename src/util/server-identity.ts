import type { ConnectionOptions, PeerCertificate, SecureContextOptions } from 'node:tls'

/** As in Go, and so in etcd and etcdctl: a CA file with only an intermediate certificate is trusted. */
export const secureContextOptions: SecureContextOptions = { minVersion: 'TLSv1.2', allowPartialTrustChain: true }

/**
 * Returns the options of `tls.connect` that verify the identity of a host.
 *
 * A name is sent as server name, without a trailing dot. An IP address must not be sent (RFC 6066). It is compared
 * with the IP addresses in the certificate.
 */
export function serverIdentity(host: string): Pick<ConnectionOptions, 'servername' | 'checkServerIdentity'> {
  const { X509Certificate } = process.getBuiltinModule('node:crypto')
  const { isIP } = process.getBuiltinModule('node:net')
  const { checkServerIdentity } = process.getBuiltinModule('node:tls')
  if (isIP(host) === 0) return { servername: host.replace(/\.$/, '') }
  // `checkServerIdentity` of some versions of Node 22, 24 and 26 refuses IPv6 addresses (nodejs/node#64032).
  const listed = ({ raw }: PeerCertificate) => new X509Certificate(raw).checkIP(host) !== undefined
  return {
    servername: '',
    checkServerIdentity: (_, certificate) => (listed(certificate) ? undefined : checkServerIdentity(host, certificate)),
  }
}
