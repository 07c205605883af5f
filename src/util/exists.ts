import { isForbidden } from './permission.ts'
import { SharedOperations } from './shared-operations.ts'

/**
 * A look-up on a file system that does not answer never ends, and occupies one of the few threads for file access of the
 * process. Therefore all calls share it.
 */
const lookups = new SharedOperations(lookUp)

/**
 * Resolves with whether there is a file or a folder. May never resolve, if its file system does not answer.
 *
 * @throws NodeJS.ErrnoException if the file system does not say, such as without permission
 * @throws `signal.reason` when the signal is aborted
 */
export function exists(path: string, signal?: AbortSignal): Promise<boolean> {
  return lookups.run(path, signal)
}

async function lookUp(path: string): Promise<boolean> {
  if (isForbidden(path)) throw new Error(`${path} must not be read`)
  try {
    await process.getBuiltinModule('node:fs').promises.access(path)
    return true
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return false
    throw error
  }
}
