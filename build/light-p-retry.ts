import { replaceOnce } from './replace-once.ts'
import type { Replacing } from './replace-once.ts'

/**
 * Returns a rolldown plugin that lets p-retry not read the time, which it needs only for its option `maxRetryTime`. To
 * load Node's `performance` takes half a megabyte, and a millisecond of every start.
 */
export const withoutPerformance = (): Replacing =>
  replaceOnce('without-performance', /[\\/]node_modules[\\/]p-retry[\\/]index\.js$/, [
    ['const startTime = performance.now();', 'const startTime = 0;'],
    ['(performance.now() - start)', '0'],
  ])
