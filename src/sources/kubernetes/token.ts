import { readSmallFile } from '../../util/files.ts'
import { Failure } from '../failure.ts'
import { fileFailure, halfWrittenMs } from '../file-failure.ts'

/**
 * Returns the bearer token in a file. It is read for each request, because Kubernetes replaces the token of a Pod.
 *
 * @throws Failure `tls-files-missing` while the file is absent or empty, `tls-files-unreadable` if it cannot be read or is
 * no token; the text of the file is never shown
 * @throws `signal.reason` when the signal is aborted
 */
export async function readToken(file: string, signal: AbortSignal): Promise<string> {
  let token: string
  try {
    token = (await readSmallFile(file, signal)).toString('utf8').trim()
  } catch (cause) {
    signal.throwIfAborted()
    throw fileFailure(`the token file ${file}`, cause)
  }
  if (token === '') throw new Failure('tls-files-missing', `the token file ${file} is still empty`)
  if (!/^[\x21-\x7e]+$/.test(token)) {
    throw new Failure('tls-files-unreadable', `the token file ${file} has characters that no token has`, {
      retryForMs: halfWrittenMs,
    })
  }
  return token
}
