import { replaceOnce } from './replace-once.ts'
import type { Replacing } from './replace-once.ts'

/**
 * Returns a rolldown plugin that lets p-retry do without two parts of Node that little else loads:
 *
 * - `performance`, which takes half a megabyte, and a millisecond of every start. p-retry reads the time only for its
 *   option `maxRetryTime`, which this package does not use.
 * - V8's code for powers, which takes 0.1 MB. p-retry calculates a constant with it.
 */
export const lightPRetry = (): Replacing =>
  replaceOnce('light-p-retry', /[\\/]node_modules[\\/]p-retry[\\/]index\.js$/, [
    ['const startTime = performance.now();', 'const startTime = 0;'],
    ['(performance.now() - start)', '0'],
    ['(2 ** 31) - 1', '2147483647'],
  ])
