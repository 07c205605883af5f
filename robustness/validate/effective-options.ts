import { parseOptions } from '../../src/call/config.ts'
import type { WatchOptions } from '../../src/index.ts'
import { sourceDefaults } from '../../src/sources/defaults.ts'

/** Returns the options with the library's defaults. A watch has every option that a call has. */
export function effectiveOptions(options: WatchOptions) {
  const { attemptTimeoutMs, shrinkDelayMs } = sourceDefaults.etcd
  const { attemptTimeoutMs: attemptMs, shrinkDelayMs: shrinkMs, ...config } = parseOptions(options, 'watch')
  return { ...config, attemptTimeoutMs: attemptMs ?? attemptTimeoutMs, shrinkDelayMs: shrinkMs ?? shrinkDelayMs }
}
