import type { X509Certificate } from 'node:crypto'
import type { SecureContext } from 'node:tls'
import type { TlsFiles } from '../rke2.ts'
import { readPrivateFile, readSmallFile } from '../util/files.ts'
import { secureContextOptions } from '../util/server-identity.ts'
import { messageOf } from '../util/text.ts'
import { Failure } from './failure.ts'
import { fileFailure, halfWrittenMs } from './file-failure.ts'

/** The content of the files when they were read. */
export interface Certificates {
  readonly files: TlsFiles
  readonly context: SecureContext
  /** Changes when one of the files changes. */
  readonly fingerprint: string
  /** Why other users can read or replace the key, on one line, if they can. */
  readonly exposure: string | undefined
  /** The client certificate; `undefined` without one. */
  readonly client: X509Certificate | undefined
}

const names = { caFile: 'CA', certFile: 'client certificate', keyFile: 'client key' } as const

/**
 * Reads and checks the certificate files.
 *
 * @param onFile is called with each file before it is read, because a read on a file system that is gone never ends
 * @throws Failure `tls-files-missing` while a file is absent or empty, `tls-files-unreadable` if a file cannot be read or
 * is no valid PEM, `tls-rejected` if certificate and key do not match (as in the middle of a rotation)
 */
export async function readCertificates(
  files: TlsFiles,
  signal: AbortSignal,
  onFile: (file: string) => void = () => {},
): Promise<Certificates> {
  // Loaded here, because importing the package must not take the 20 ms that TLS and cryptography need.
  const { createHash } = process.getBuiltinModule('node:crypto')
  const { createSecureContext } = process.getBuiltinModule('node:tls')
  // One after the other, so that the same missing file is named each time.
  const contents: { -readonly [Option in keyof TlsFiles]?: Content } = {}
  for (const option of ['caFile', 'certFile', 'keyFile'] as const) {
    const file = files[option]
    if (file === undefined) continue
    onFile(file)
    contents[option] = await readOne(file, option, signal)
  }
  const [ca, cert, key] = [contents.caFile?.bytes, contents.certFile?.bytes, contents.keyFile?.bytes]
  try {
    const hash = createHash('sha256')
    for (const bytes of [ca, cert, key]) if (bytes !== undefined) hash.update(bytes)
    return {
      files,
      context: createSecureContext({ ca, cert, key, ...secureContextOptions }),
      fingerprint: hash.digest('base64'),
      exposure: contents.keyFile?.exposure,
      client: contents.certFile?.certificate,
    }
  } catch (cause) {
    throw unusable(files, key, cause)
  }
}

interface Content {
  readonly bytes: Buffer
  readonly exposure?: string | undefined
  /** The first certificate of the file; `undefined` if it is the key. */
  readonly certificate?: X509Certificate | undefined
}

async function readOne(file: string, option: keyof TlsFiles, signal: AbortSignal): Promise<Content> {
  const name = nameOf(option, file)
  let content: Content
  try {
    content = option === 'keyFile' ? await readPrivateFile(file, signal) : { bytes: await readSmallFile(file, signal) }
  } catch (cause) {
    signal.throwIfAborted()
    throw fileFailure(name, cause)
  }
  const { bytes } = content
  if (bytes.length === 0) throw new Failure('tls-files-missing', `${name} is still empty`)
  if (option === 'keyFile') return content
  const { X509Certificate } = process.getBuiltinModule('node:crypto')
  try {
    const [certificate] = certificateBlocks(bytes).map((block) => new X509Certificate(block))
    return { bytes, certificate }
  } catch (cause) {
    throw notPem(name, cause)
  }
}

/** Returns the failure for files that OpenSSL refuses. The certificates were checked before, and the key is checked here. */
function unusable(files: TlsFiles, key: Buffer | undefined, cause: unknown): Failure {
  const { createPrivateKey } = process.getBuiltinModule('node:crypto')
  try {
    if (key !== undefined) createPrivateKey(key)
  } catch (keyCause) {
    return notPem(nameOf('keyFile', files.keyFile), keyCause)
  }
  if ((cause as { code?: unknown }).code === 'ERR_OSSL_X509_KEY_VALUES_MISMATCH') {
    const message = `${files.certFile} and ${files.keyFile} do not match: ${messageOf(cause)}`
    return new Failure('tls-rejected', message, { cause })
  }
  return invalidFile(`${Object.values(files).join(', ')} cannot be used together`, cause)
}

/** Returns every certificate of a bundle. OpenSSL skips what it cannot read in a CA file without an error. */
function certificateBlocks(bytes: Buffer): string[] {
  const pem = bytes.toString('latin1')
  const blocks = pem.match(/-----BEGIN [^-]+-----[^-]*-----END [^-]+-----/g) ?? []
  const certificates = blocks.filter((block) => block.includes('CERTIFICATE-----'))
  if (certificates.length === 0 || blocks.length !== pem.split('-----BEGIN ').length - 1) {
    throw new Error('a certificate is missing or incomplete')
  }
  return certificates
}

const nameOf = (option: keyof TlsFiles, file: string | undefined) => `the ${names[option]} file ${file}`

const notPem = (name: string, cause: unknown) => invalidFile(`${name} is not valid PEM`, cause)

const invalidFile = (message: string, cause: unknown) =>
  new Failure('tls-files-unreadable', `${message}: ${messageOf(cause)}`, { cause, retryForMs: halfWrittenMs })
