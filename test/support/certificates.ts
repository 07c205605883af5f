import 'reflect-metadata' // @peculiar/x509 does not load without it
import * as x509 from '@peculiar/x509'

export interface Authority {
  /** PEM. */
  readonly cert: string
  /** Creates an intermediate authority, which this one has signed. */
  createIntermediate(name: string): Promise<Authority>
  issue(request: CertificateRequest): Promise<KeyPair>
}

export interface CertificateRequest {
  readonly commonName: string
  /** The group of a Kubernetes client. */
  readonly organization?: string
  readonly dnsNames?: readonly string[]
  readonly ipAddresses?: readonly string[]
  /** @default both */
  readonly usages?: readonly ('server' | 'client')[]
  /** @default an hour ago */
  readonly notBefore?: Date
  /** @default in a day */
  readonly notAfter?: Date
}

/** PEM; the key is PKCS#8. */
export interface KeyPair {
  readonly cert: string
  readonly key: string
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
const hour = 3_600_000

/** Creates a certificate authority that lives for the length of a test. */
export async function createAuthority(
  name = 'test-ca',
  {
    notBefore = new Date(Date.now() - 24 * hour),
    notAfter = new Date(Date.now() + 24 * hour),
  }: Pick<CertificateRequest, 'notBefore' | 'notAfter'> = {},
): Promise<Authority> {
  const keys = await generateKeys()
  const issuer = { name: commonName(name), keys }
  return authorityOf(issuer, await createAuthorityCertificate(issuer, issuer, { notBefore, notAfter }))
}

/** What signs a certificate. */
interface Issuer {
  readonly name: x509.Name
  readonly keys: CryptoKeyPair
}

async function createAuthorityCertificate(
  subject: Issuer,
  issuer: Issuer,
  validity: { readonly notBefore: Date; readonly notAfter: Date },
): Promise<string> {
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    issuer: issuer.name,
    subject: subject.name,
    publicKey: subject.keys.publicKey,
    signingKey: issuer.keys.privateKey,
    signingAlgorithm: algorithm,
    ...validity,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(subject.keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.keys.publicKey),
    ],
  })
  return certificate.toString('pem')
}

function authorityOf(authority: Issuer, cert: string): Authority {
  const validity = { notBefore: new Date(Date.now() - hour), notAfter: new Date(Date.now() + 24 * hour) }
  return {
    cert,
    async createIntermediate(name) {
      const intermediate = { name: commonName(name), keys: await generateKeys() }
      return authorityOf(intermediate, await createAuthorityCertificate(intermediate, authority, validity))
    },
    issue: (request) => issueLeaf(authority, { ...validity, ...request }),
  }
}

async function issueLeaf(
  issuer: Issuer,
  {
    commonName: subject,
    organization,
    dnsNames = [],
    ipAddresses = [],
    usages = ['server', 'client'],
    notBefore,
    notAfter,
  }: CertificateRequest & { readonly notBefore: Date; readonly notAfter: Date },
): Promise<KeyPair> {
  const leafKeys = await generateKeys()
  const names = [
    ...dnsNames.map((value) => ({ type: 'dns' as const, value })),
    ...ipAddresses.map((value) => ({ type: 'ip' as const, value })),
  ]
  const leaf = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    issuer: issuer.name,
    subject: new x509.Name([...(organization === undefined ? [] : [{ O: [organization] }]), { CN: [subject] }]),
    publicKey: leafKeys.publicKey,
    signingKey: issuer.keys.privateKey,
    signingAlgorithm: algorithm,
    notBefore,
    notAfter,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension(usages.map((usage) => x509.ExtendedKeyUsage[`${usage}Auth`])),
      ...(names.length > 0 ? [new x509.SubjectAlternativeNameExtension(names)] : []),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.keys.publicKey),
    ],
  })
  return { cert: leaf.toString('pem'), key: await exportKey(leafKeys.privateKey) }
}

function generateKeys(): Promise<CryptoKeyPair> {
  return crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
}

async function exportKey(key: CryptoKey): Promise<string> {
  return x509.PemConverter.encode(await crypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY')
}

function commonName(value: string): x509.Name {
  return new x509.Name([{ CN: [value] }])
}

// A clear top bit, so that the number is positive and never longer than it says.
function serialNumber(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  bytes[0] = (bytes[0]! & 0x7f) | 0x40
  return Buffer.from(bytes).toString('hex')
}
