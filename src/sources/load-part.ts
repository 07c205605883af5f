import { loadMessage, loadRetryMs } from '../util/load-errors.ts'
import { Failure } from './failure.ts'

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
    throw new Failure('unavailable', loadMessage(cause), { cause, retryForMs: loadRetryMs(cause) })
  }
}
