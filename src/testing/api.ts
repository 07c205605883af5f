import type { ResolvedAddresses } from '../addresses/list.ts'
import type { Reason } from '../errors.ts'
import type { ResolveOptions, WatchOptions } from '../options.ts'
import type { ApiserverAddressWatch } from '../watch.ts'

/** The options of `createFakeApiservers`. */
export interface FakeOptions {
  /** Whether only `advance()` moves the time. Otherwise it is the time of the process. @default false */
  readonly manualTime?: boolean | undefined
}

/** A call or watch that has started and not ended. */
export interface OpenCall {
  /** Which function was called. */
  readonly kind: 'resolve' | 'watch'
  /** The options as they were given. */
  readonly options: ResolveOptions | WatchOptions
}

/** Both functions of the package over a list in memory, and what controls it. Each function can be used by itself. */
export interface FakeApiservers {
  /** As the function of the package, with the same options, checks, events and errors. */
  readonly resolveApiserverAddresses: (options?: ResolveOptions) => Promise<ResolvedAddresses>
  /** As the function of the package, with the same options, checks, events and errors. */
  readonly watchApiserverAddresses: (options?: WatchOptions) => ApiserverAddressWatch
  /** Stores a list. `set([])` stores an empty one, which calls wait for as `not-set`. */
  readonly set: (addresses: readonly string[]) => void
  /** Deletes the list, as before the first start of a cluster: calls wait as `not-set`. This is also the initial state. */
  readonly unset: () => void
  /**
   * Makes every read fail from now on, and disconnects every watch. `cause` is the `cause` of the errors. With `'not-set'`
   * and `'invalid-value'`, the stored value changes instead: reads and watches go on, and `cause` is not used.
   */
  readonly fail: (reason: Exclude<Reason, 'incomplete'>, cause?: unknown) => void
  /** Ends what `fail()` began, and wakes the calls that wait for it. */
  readonly recover: () => void
  /** Sets what the next probe of an address finds. An address that was never set is alive. */
  readonly setProbe: (address: string, state: 'alive' | 'dead') => void
  /** Lets time pass, and resolves when the calls have done what was due. Needs `manualTime`. */
  readonly advance: (ms: number) => Promise<void>
  /** The calls and watches that have started and not ended. Each read returns a new array. */
  readonly calls: readonly OpenCall[]
}
