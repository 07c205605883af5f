import type { SourceOptions } from '../../src/sources/options.ts'
import type { Exists } from '../../src/sources/setup.ts'

/** Returns the options of a call that names no source, with those that the test gives. */
export const sourceOptions = (options: Partial<SourceOptions> = {}): SourceOptions => ({
  source: 'auto',
  distribution: 'auto',
  dataDir: undefined,
  endpoints: undefined,
  tls: undefined,
  tokenFile: undefined,
  credentials: undefined,
  key: undefined,
  attemptTimeoutMs: undefined,
  logger: undefined,
  ...options,
})

/** Returns the look-up of a file system that has these files, and the folders that they are in. */
export const existsAmong =
  (files: Iterable<string>): Exists =>
  async (path) =>
    [...files].some((file) => file === path || file.startsWith(`${path}/`))
