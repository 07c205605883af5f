import type { SecureContext } from 'node:tls'
import { exists } from '../util/exists.ts'
import { readSmallFile } from '../util/files.ts'
import { secureContextOptions } from '../util/server-identity.ts'
import { messageOf, oneLine } from '../util/text.ts'

/** The TLS context that verifies the apiservers' certificates, or why there is none. */
export interface ServerCa {
  readonly context?: SecureContext
  readonly unverified?: string
}

/** Returns the TLS context of the first of these files that exists. */
export type ReadServerCa = (files: readonly string[], signal: AbortSignal) => Promise<ServerCa>

/**
 * Returns the TLS context that verifies the apiservers' certificates, or why there is none.
 *
 * The file is read for each round of probes: it is small, does not exist from the start, and may be rotated.
 *
 * @param files the first one that exists counts
 * @throws `signal.reason` when the signal is aborted
 */
export async function readServerCa(files: readonly string[], signal: AbortSignal): Promise<ServerCa> {
  const { X509Certificate } = process.getBuiltinModule('node:crypto')
  const { createSecureContext } = process.getBuiltinModule('node:tls')
  const file = await firstExisting(files, signal)
  try {
    const ca = await readSmallFile(file, signal)
    // OpenSSL takes a file without a certificate for an empty list, and then trusts no server.
    void new X509Certificate(ca)
    return { context: createSecureContext({ ca, ...secureContextOptions }) }
  } catch (error) {
    signal.throwIfAborted()
    return { unverified: oneLine(`${file} cannot be used: ${messageOf(error)}`) }
  }
}

async function firstExisting([first = '', ...others]: readonly string[], signal: AbortSignal): Promise<string> {
  for (const file of [first, ...others]) {
    const isThere = await exists(file, signal).catch(() => false)
    signal.throwIfAborted()
    if (isThere) return file
  }
  return first
}
