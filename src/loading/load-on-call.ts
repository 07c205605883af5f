import type { ResolveOptions, WatchOptions } from '../options.ts'
import { systemClock } from '../util/clock.ts'
import type { Clock } from '../util/clock.ts'
import { LateWatch } from './late-watch.ts'
import { loadAgain, signalOf } from './load-again.ts'

/** Both functions of the package. */
export type Library = Pick<typeof import('../index.ts'), 'resolveApiserverAddresses' | 'watchApiserverAddresses'>

/** Each of these returns the code of a function, or throws the error of Node if a file cannot be read. */
export interface Loaders {
  readonly resolve: () => Pick<Library, 'resolveApiserverAddresses'>
  readonly watch: () => Pick<Library, 'watchApiserverAddresses'>
}

/**
 * Returns both functions of the package, which load its code when they are called, so that importing the package costs
 * next to nothing. While the code cannot be loaded, as with too many open files, a call waits and loads it again.
 *
 * @param loaders are called at each call
 */
export function loadOnCall(loaders: Loaders, clock: Clock = systemClock): Library {
  return {
    async resolveApiserverAddresses(options?: ResolveOptions) {
      const { library, error } = tryToLoad(loaders.resolve)
      if (library !== undefined) return library.resolveApiserverAddresses(options)
      const late = await loadAgain({ load: loaders.resolve, error, options, clock, signal: signalOf(options) })
      return late.library.resolveApiserverAddresses(late.options)
    },
    watchApiserverAddresses(options?: WatchOptions) {
      const { library, error } = tryToLoad(loaders.watch)
      if (library !== undefined) return library.watchApiserverAddresses(options)
      return new LateWatch(signalOf(options), async (signal) => {
        const late = await loadAgain({ load: loaders.watch, error, options, clock, signal })
        return late.library.watchApiserverAddresses(late.options)
      })
    },
  }
}

function tryToLoad<Part>(load: () => Part): { readonly library?: Part; readonly error?: unknown } {
  try {
    return { library: load() }
  } catch (error) {
    return { error }
  }
}
