import { messageOf } from '../util/text.ts'
import { Failure } from './failure.ts'

/** The process or its file system is in trouble, and the file itself is not at fault. */
const passingErrors = new Set(['EAGAIN', 'EIO', 'EMFILE', 'ENFILE', 'ENOMEM', 'ESTALE'])

/** With too many open files, some versions of Node find no `package.json`, and report that a module is missing. */
const otherErrorsMs = 60_000

/**
 * Loads a part of this package that is not loaded at start. If it cannot be loaded, the next call loads it again: the
 * build makes a `require` of each `import`, because Node keeps the failure of an import for ever.
 *
 * @throws Failure `unavailable`, for which the call waits, if a file cannot be read, as with too many open files
 */
export async function loadPart<Part>(load: () => Promise<Part>): Promise<Part> {
  try {
    return await load()
  } catch (cause) {
    const { code = '' } = cause as NodeJS.ErrnoException
    const retryForMs = passingErrors.has(code) ? Infinity : otherErrorsMs
    const message = `a part of this package cannot be loaded: ${messageOf(cause)}`
    throw new Failure('unavailable', message, { cause, retryForMs })
  }
}
