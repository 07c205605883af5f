import type { Endpoint } from '../addresses/endpoint.ts'
import type { Logger } from '../options.ts'
import type { TlsFiles } from '../rke2.ts'
import { childLogger } from '../util/logger.ts'
import { observe } from '../util/observe.ts'
import { printable } from '../util/text.ts'
import { readCertificates } from './certificates.ts'
import type { Certificates } from './certificates.ts'
import { Failure } from './failure.ts'

export interface CertificateReaderOptions {
  readonly endpoints: readonly Endpoint[]
  readonly tls: TlsFiles
  readonly logger: Logger | undefined
}

/** Reads the certificate files for each attempt, because they appear late and are rotated. */
export class CertificateReader {
  readonly #options: CertificateReaderOptions
  #fingerprint: string | undefined
  /** The file that is being read. */
  #reading: string | undefined
  #warned = false

  constructor(options: CertificateReaderOptions) {
    this.#options = options
  }

  /** The fingerprint of the files that were read last. */
  get fingerprint(): string | undefined {
    return this.#fingerprint
  }

  /**
   * Returns the content of the files; `undefined` if no endpoint needs them.
   *
   * @throws Failure see `readCertificates`; `tls-files-unreadable` when the signal is aborted while a file is being read
   */
  async read(signal: AbortSignal): Promise<Certificates | undefined> {
    const { endpoints, tls } = this.#options
    if (!endpoints.some(({ secure }) => secure)) return undefined
    // Reset, so that a partly rotated set is not mistaken for the files that failed.
    this.#fingerprint = undefined
    try {
      const certificates = await readCertificates(tls, signal, (file) => (this.#reading = file))
      this.#fingerprint = certificates.fingerprint
      this.#warnOnce(certificates.exposure)
      return certificates
    } catch (error) {
      throw (signal.aborted && this.pending()) || error
    } finally {
      this.#reading = undefined
    }
  }

  /** Returns what the reader waits for, if a file is being read. */
  pending(): Failure | undefined {
    if (this.#reading === undefined) return undefined
    const message = `${this.#reading} cannot be read: its file system does not answer`
    return new Failure('tls-files-unreadable', message, { retryForMs: Infinity })
  }

  /** Logs once, and not at every attempt, that other users can read or replace the client key. */
  #warnOnce(exposure: string | undefined): void {
    if (exposure === undefined || this.#warned) return
    this.#warned = true
    const { logger, tls } = this.#options
    observe(() => logger && childLogger(logger).warn({ file: tls.keyFile }, printable(`the client key ${exposure}`)))
  }
}
