import type { Config } from '../../call/config.ts'
import { createLog, observe } from '../../call/emit.ts'
import { printable } from '../../util/text.ts'
import { Failure } from '../reasons.ts'
import type { Certificates } from './certificates.ts'

/** Reads the certificate files for each attempt: they appear, are rotated, and may be open to others. */
export class CertificateReader {
  readonly #config: Config
  #fingerprint: string | undefined
  /** The file that is being read. */
  #reading: string | undefined
  #warned = false

  constructor(config: Config) {
    this.#config = config
  }

  /** Of the files as last read: what a TLS failure is about. */
  get fingerprint(): string | undefined {
    return this.#fingerprint
  }

  /**
   * What the files hold; `undefined` where no endpoint needs them.
   *
   * @throws Failure see `readCertificates`; `tls-files-unreadable` when the signal is aborted while one is being read
   */
  async read(signal: AbortSignal): Promise<Certificates | undefined> {
    const { endpoints, tls } = this.#config
    if (!endpoints.some((endpoint) => endpoint.startsWith('https:'))) return undefined
    // Half a rotation is not what failed before.
    this.#fingerprint = undefined
    const { readCertificates } = await import('./certificates.ts')
    try {
      const certificates = await readCertificates(tls, signal, (file) => (this.#reading = file))
      this.#fingerprint = certificates.fingerprint
      this.#warn(certificates.exposure)
      return certificates
    } catch (error) {
      throw (signal.aborted && this.pending()) || error
    } finally {
      this.#reading = undefined
    }
  }

  /** What is being waited for, if a file is being read. */
  pending(): Failure | undefined {
    if (this.#reading === undefined) return undefined
    const message = `${this.#reading} cannot be read: its file system does not answer`
    return new Failure('tls-files-unreadable', message, { retryForMs: Infinity })
  }

  /** Tells once, and not at every attempt, that the key is open to others. */
  #warn(exposure: string | undefined): void {
    if (exposure === undefined || this.#warned) return
    this.#warned = true
    const { key, logger, tls } = this.#config
    observe(() => createLog(key, logger)?.warn({ file: tls.keyFile }, printable(`the client key ${exposure}`)))
  }
}
