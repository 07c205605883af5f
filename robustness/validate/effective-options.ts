import { parseOptions } from '../../src/call/config.ts'
import type { WatchOptions } from '../../src/index.ts'

/** Returns the options with the library's defaults. A watch has every option that a call has. */
export function effectiveOptions(options: WatchOptions) {
  return parseOptions(options, 'watch')
}
