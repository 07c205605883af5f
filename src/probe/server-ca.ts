import { X509Certificate } from 'node:crypto'
import { createSecureContext } from 'node:tls'
import type { SecureContext } from 'node:tls'
import { serverCaFile } from '../rke2.ts'
import { messageOf, oneLine } from '../sources/reasons.ts'
import { readSmallFile } from '../util/files.ts'

/**
 * What the apiservers' certificates are checked against, or why they cannot be. Read each time: it is small, is not
 * there from the start, and may be rotated.
 *
 * @throws `signal.reason` when the signal is aborted
 */
export async function readServerCa(
  dataDir: string,
  signal: AbortSignal,
): Promise<{ context?: SecureContext; unverified?: string }> {
  const file = serverCaFile(dataDir)
  try {
    const { bytes: ca } = await readSmallFile(file, signal)
    // OpenSSL takes what is no certificate for an empty list of them, and then trusts nobody.
    void new X509Certificate(ca)
    return { context: createSecureContext({ ca, minVersion: 'TLSv1.2' }) }
  } catch (error) {
    signal.throwIfAborted()
    return { unverified: oneLine(`${file} cannot be used: ${messageOf(error)}`) }
  }
}
