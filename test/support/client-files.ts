import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ClientTlsFiles } from '../../src/rke2.ts'
import type { KeyPair } from './certificates.ts'
import { temporaryFolder } from './folder.ts'

/** Returns the paths of certificate files in a new folder. None of the files exists. */
export function clientFiles(): ClientTlsFiles {
  const folder = temporaryFolder()
  return { caFile: join(folder, 'ca.crt'), certFile: join(folder, 'client.crt'), keyFile: join(folder, 'client.key') }
}

export async function writeClientFiles(files: ClientTlsFiles, { cert, key }: KeyPair, ca: string): Promise<void> {
  await Promise.all([writeFile(files.caFile, ca), writeFile(files.certFile, cert), writeFile(files.keyFile, key)])
}
