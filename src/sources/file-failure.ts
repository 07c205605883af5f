import { messageOf } from '../util/text.ts'
import { Failure } from './failure.ts'

/** A half-written file is complete a moment later. A file that stays invalid for longer has to be repaired. */
export const halfWrittenMs: number = 2000

/**
 * The errors for which the file, its path or its mode is at fault. Every other error may go away by itself, such as EIO,
 * ESTALE or EMFILE.
 */
const finalErrors = new Set(['EACCES', 'EPERM', 'EISDIR', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG', 'ERR_ACCESS_DENIED'])

/**
 * Returns the failure for a file that cannot be read.
 *
 * @param name what the file is, with its path
 */
export function fileFailure(name: string, cause: unknown): Failure {
  const { code = '' } = cause as NodeJS.ErrnoException
  if (code === 'ENOENT') return new Failure('tls-files-missing', `${name} does not exist yet`, { cause })
  // An error without a code is about the content: it is no regular file, or too large.
  const passing = code === '' || finalErrors.has(code) ? {} : { retryForMs: Infinity }
  return new Failure('tls-files-unreadable', `${name} cannot be read: ${messageOf(cause)}`, { cause, ...passing })
}
