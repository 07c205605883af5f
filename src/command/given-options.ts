import type { WatchOptions } from '../options.ts'
import { flagOf } from './flags.ts'
import { UsageError } from './usage-error.ts'

/** The options of the library that were given, each with the flag or the variable that set it. */
export class GivenOptions {
  readonly #options: Record<string, unknown> = {}
  readonly #origins = new Map<string, string>()

  /** Has only the options that were given: the library knows the defaults and the ranges. */
  get options(): WatchOptions {
    return this.#options
  }

  /**
   * @param option the name of the option, such as `tls.caFile`
   * @param origin the flag or the variable
   */
  set(option: string, origin: string, value: unknown): void {
    const [name = option, group] = option.split('.').toReversed()
    const target = group === undefined ? this.#options : (this.#options[group] ??= {})
    Object.assign(target, { [name]: value })
    this.#origins.set(option, origin)
    // An error may be about the group. It names what set the group first: `--user`, and not the variable of the password.
    if (group !== undefined && !this.#origins.has(group)) this.#origins.set(group, origin)
  }

  /**
   * Returns the flag or the variable that set an option, or that was the first one to set a part of a group such as `tls`;
   * `undefined` if the option was not given.
   */
  originOf(option: string): string | undefined {
    return this.#origins.get(option)
  }

  /** Returns the usage error for a `TypeError` of the library about an option. Any other error is returned as it is. */
  explain(error: unknown): unknown {
    const message = error instanceof TypeError ? error.message : ''
    const [, option, problem = ''] = /^Option "([\w.]+)[^"]*"(.*)/s.exec(message) ?? []
    if (option === undefined) return error
    const origin = (name: string) => this.originOf(name) ?? flagOf(name)
    return new UsageError(origin(option) + problem.replace(/(?<= together with )"(\w+)"$/, (_, name) => origin(name)))
  }
}
