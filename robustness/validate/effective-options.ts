import { parseOptions } from '../../src/call/config.ts'
import type { WatchOptions } from '../../src/index.ts'

/** Returns the options with the library's defaults. */
export function effectiveOptions(options: WatchOptions, kind: 'resolve' | 'watch') {
  return parseOptions(options, kind)
}
