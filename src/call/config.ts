import type { EventEmitter } from 'node:events'
import { parseEndpoints } from '../addresses/endpoint.ts'
import type { ApiserverAddressEvent, ApiserverAddressEvents } from '../events.ts'
import type { ProbeKind } from '../options.ts'
import { apiserverPort, etcdPort } from '../rke2.ts'
import type { SourceOptions } from '../sources/options.ts'
import { captureCaller } from '../util/caller.ts'
import type { Caller } from '../util/caller.ts'
import { withoutUndefined } from '../util/object.ts'
import type { BackoffOptions } from './backoff.ts'
import { defaults } from './defaults.ts'
import { optionError } from './option-error.ts'
import { anObject, givenOptions, isFieldObject, schemaFor } from './schema.ts'
import type { CheckedOptions } from './schema.ts'
import { checkSourceOptions, impliedSource } from './source-conflicts.ts'

/** The options of one call or watch: checked and normalised, with every default filled in. @internal */
export interface Config extends SourceOptions {
  readonly minAddresses: number
  readonly expect: readonly string[]
  readonly settleMs: number
  readonly probe: ProbeKind | undefined
  readonly probeTimeoutMs: number
  readonly probeIntervalMs: number
  readonly retry: BackoffOptions & { readonly maxAttempts: number }
  readonly timeoutMs: number
  /** `undefined` if the default of the source counts. */
  readonly shrinkDelayMs: number | undefined
  readonly signal: AbortSignal | undefined
  readonly events: EventEmitter<ApiserverAddressEvents> | undefined
  readonly onEvent: ((event: ApiserverAddressEvent) => void) | undefined
  /** Who has started the call. */
  readonly caller: Caller
}

/** The options without a default. */
const withoutDefault = {
  dataDir: undefined,
  tls: undefined,
  tokenFile: undefined,
  credentials: undefined,
  key: undefined,
  probe: undefined,
  attemptTimeoutMs: undefined,
  shrinkDelayMs: undefined,
  signal: undefined,
  events: undefined,
  onEvent: undefined,
  logger: undefined,
}

/** The values of the options that are not given. */
const notGiven = {
  resolve: { ...withoutDefault, ...defaults, probeIntervalMs: Infinity },
  watch: { ...withoutDefault, ...defaults },
}

/**
 * Checks the options and fills in the defaults. The caller's objects are neither kept nor changed, except for `signal`,
 * `events`, `onEvent` and `logger`, which are kept.
 *
 * @throws TypeError that names the option and its value, if an option is unknown, of the wrong type or out of range
 * @internal
 */
export function parseOptions(options: unknown, kind: 'resolve' | 'watch'): Config {
  const checked = check(options, kind)
  if (checked instanceof TypeError) throw checked
  const source = impliedSource(checked)
  checkSourceOptions(checked, source)
  const { endpoints, retry = {} } = checked
  return {
    ...notGiven[kind],
    ...checked,
    source,
    retry: { ...defaults.retry, ...withoutUndefined(retry) },
    caller: captureCaller(parseOptions),
    endpoints: endpoints && parseEndpoints(endpoints, source === 'kubernetes' ? apiserverPort : etcdPort),
  }
}

function check(options: unknown, kind: 'resolve' | 'watch'): CheckedOptions | TypeError {
  try {
    if (!isFieldObject(options)) {
      return optionError({ code: 'custom', path: [], message: anObject, input: options }, options)
    }
    const given = givenOptions(options, kind)
    const result = schemaFor(Object.keys(given), kind).safeParse(given)
    return result.success ? result.data : optionError(result.error.issues[0], options)
  } catch (cause) {
    return new TypeError('The options cannot be read: reading a property throws an error', { cause })
  }
}
