import { createHash, createPrivateKey, X509Certificate } from 'node:crypto'
import { createSecureContext } from 'node:tls'
import type { SecureContext } from 'node:tls'
import type { TlsFiles } from '../../rke2.ts'
import { readSmallFile } from '../../util/files.ts'
import type { Contents } from '../../util/files.ts'
import { Failure, messageOf } from '../reasons.ts'

/** What the three files held when they were read. */
export interface Certificates {
  readonly files: TlsFiles
  readonly context: SecureContext
  /** Changes when any of the files does. */
  readonly fingerprint: string
  /** Who else can read the key or replace it, on one line, if anybody can. */
  readonly exposure: string | undefined
}

/** A file caught half-written is whole a moment later; one that stays as it is will not mend itself. */
const halfWrittenMs = 2000

/** Too many open files, or a file system in trouble: nothing that is wrong with the file. */
const passing = new Set(['EMFILE', 'ENFILE', 'EIO', 'ESTALE'])

const options = { caFile: 'CA', certFile: 'client certificate', keyFile: 'client key' } as const

/**
 * Reads and checks the certificate files.
 *
 * @throws Failure `tls-files-missing` while one is absent or still empty, `tls-files-unreadable` where one cannot be
 * read or is no PEM, `tls-rejected` where certificate and key do not belong together (between the two halves of a
 * rotation)
 * @param onFile is told which file is being read: of a file system that is gone, nothing else is ever heard
 */
export async function readCertificates(
  files: TlsFiles,
  signal: AbortSignal,
  onFile: (file: string) => void = () => {},
): Promise<Certificates> {
  // One after the other, so that the first one that is missing is named, and always the same one.
  const readPem = (option: keyof TlsFiles) => {
    onFile(files[option])
    return readOne(files[option], option, signal)
  }
  const { bytes: ca } = await readPem('caFile')
  const { bytes: cert } = await readPem('certFile')
  const { bytes: key, exposure } = await readPem('keyFile')
  try {
    const fingerprint = createHash('sha256').update(ca).update(cert).update(key).digest('base64')
    return { files, context: createSecureContext({ ca, cert, key, minVersion: 'TLSv1.2' }), fingerprint, exposure }
  } catch (cause) {
    if ((cause as { code?: unknown }).code === 'ERR_OSSL_X509_KEY_VALUES_MISMATCH') {
      throw new Failure(
        'tls-rejected',
        `${files.certFile} and ${files.keyFile} do not belong together: ${messageOf(cause)}`,
        { cause },
      )
    }
    throw unusable(`${files.caFile}, ${files.certFile} and ${files.keyFile} cannot be used`, cause)
  }
}

async function readOne(file: string, option: keyof TlsFiles, signal: AbortSignal): Promise<Contents> {
  const name = `the ${options[option]} file ${file}`
  let contents
  try {
    contents = await readSmallFile(file, signal)
  } catch (cause) {
    signal.throwIfAborted()
    const { code = '' } = cause as NodeJS.ErrnoException
    if (code === 'ENOENT') throw new Failure('tls-files-missing', `${name} does not exist yet`, { cause })
    const retryLimit = passing.has(code) ? { retryForMs: Infinity } : {}
    throw new Failure('tls-files-unreadable', `${name} cannot be read: ${messageOf(cause)}`, { cause, ...retryLimit })
  }
  const { bytes } = contents
  if (bytes.length === 0) throw new Failure('tls-files-missing', `${name} is still empty`)
  try {
    if (option === 'keyFile') createPrivateKey(bytes)
    else for (const block of certificateBlocks(bytes)) void new X509Certificate(block)
  } catch (cause) {
    throw unusable(`${name} is not the PEM it should be`, cause)
  }
  return contents
}

/** Every certificate of a bundle: OpenSSL takes what it can of a CA file and says nothing of the rest. */
function certificateBlocks(bytes: Buffer): string[] {
  const pem = bytes.toString('latin1')
  const blocks = pem.match(/-----BEGIN [^-]+-----[^-]*-----END [^-]+-----/g) ?? []
  const certificates = blocks.filter((block) => block.includes('CERTIFICATE-----'))
  if (certificates.length === 0 || blocks.length !== pem.split('-----BEGIN ').length - 1) {
    throw new Error('a certificate is missing or not finished')
  }
  return certificates
}

const unusable = (message: string, cause: unknown) =>
  new Failure('tls-files-unreadable', `${message}: ${messageOf(cause)}`, { cause, retryForMs: halfWrittenMs })
