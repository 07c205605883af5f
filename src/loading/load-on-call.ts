import type { ResolveOptions, WatchOptions } from '../options.ts'
import { systemClock } from '../util/clock.ts'
import type { Clock } from '../util/clock.ts'
import { LateWatch } from './late-watch.ts'
import { loadAgain, signalOf } from './load-again.ts'

/** Both functions of the package. */
export type Library = Pick<typeof import('../index.ts'), 'resolveApiserverAddresses' | 'watchApiserverAddresses'>

/**
 * Returns both functions of the package, which load its code when they are called, so that importing the package costs
 * next to nothing. While the code cannot be loaded, as with too many open files, a call waits and loads it again.
 *
 * @param load returns the code, or throws the error of Node if a file cannot be read. It is called at each call.
 */
export function loadOnCall(load: () => Library, clock: Clock = systemClock): Library {
  return {
    async resolveApiserverAddresses(options?: ResolveOptions) {
      const { library, error } = tryToLoad(load)
      if (library !== undefined) return library.resolveApiserverAddresses(options)
      const late = await loadAgain({ load, error, options, clock, signal: signalOf(options) })
      return late.library.resolveApiserverAddresses(late.options)
    },
    watchApiserverAddresses(options?: WatchOptions) {
      const { library, error } = tryToLoad(load)
      if (library !== undefined) return library.watchApiserverAddresses(options)
      return new LateWatch(signalOf(options), async (signal) => {
        const late = await loadAgain({ load, error, options, clock, signal })
        return late.library.watchApiserverAddresses(late.options)
      })
    },
  }
}

function tryToLoad(load: () => Library): { readonly library?: Library; readonly error?: unknown } {
  try {
    return { library: load() }
  } catch (error) {
    return { error }
  }
}
