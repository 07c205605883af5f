import { messageOf } from './text.ts'

/** The process or its file system is in trouble, and the file itself is not at fault. */
const passingErrors = new Set(['EAGAIN', 'EIO', 'EMFILE', 'ENFILE', 'ENOMEM', 'ESTALE'])

/** With too many open files, some versions of Node find no `package.json`, and report that a module is missing. */
const otherErrorsMs = 60_000

/** Returns for how many milliseconds a part of this package is loaded again that failed to load with this error. */
export function loadRetryMs(error: unknown): number {
  const { code = '' } = error as NodeJS.ErrnoException
  return passingErrors.has(code) ? Infinity : otherErrorsMs
}

/** Returns the message for a part of this package that could not be loaded. */
export const loadMessage = (error: unknown): string => `a part of this package cannot be loaded: ${messageOf(error)}`
