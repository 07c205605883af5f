import type { EventEmitter } from 'node:events'
import type { Logger } from 'pino'
import type { Endpoint } from '../addresses/endpoint.ts'
import type { ApiserverAddressEvents } from '../events.ts'
import type { ProbeKind } from '../options.ts'
import { defaultDataDir, defaultKey, defaultTlsFiles } from '../rke2.ts'
import type { TlsFiles } from '../rke2.ts'
import type { BackoffOptions } from './backoff.ts'
import { optionError } from './option-error.ts'
import { optionSchemas } from './schema.ts'

/** The options of one call or watch: checked and normalised, with every default filled in. @internal */
export interface Config {
  readonly dataDir: string
  /** Whether certificate files under `dataDir` are used. Only then does the content of `dataDir` explain a failure. */
  readonly usesDataDir: boolean
  /** The endpoints without duplicates, in the order of the option. */
  readonly endpoints: readonly [Endpoint, ...Endpoint[]]
  readonly tls: TlsFiles
  readonly credentials: { readonly username: string; readonly password: string } | undefined
  readonly key: string
  readonly minAddresses: number
  readonly expect: readonly string[]
  readonly settleMs: number
  readonly probe: ProbeKind | undefined
  readonly probeTimeoutMs: number
  readonly probeIntervalMs: number
  readonly retry: BackoffOptions & { readonly maxAttempts: number }
  readonly timeoutMs: number
  readonly attemptTimeoutMs: number
  readonly shrinkDelayMs: number
  readonly signal: AbortSignal | undefined
  readonly events: EventEmitter<ApiserverAddressEvents> | undefined
  readonly logger: Logger | undefined
}

/** The fields of a config that the schema leaves out if they are not given, or if the call is not a watch. */
const absent = {
  credentials: undefined,
  probe: undefined,
  probeIntervalMs: Infinity,
  shrinkDelayMs: 0,
  signal: undefined,
  events: undefined,
  logger: undefined,
}

/**
 * Checks the options and fills in the defaults. The caller's objects are neither kept nor changed, except for `signal`,
 * `events` and `logger`, which are kept.
 *
 * @throws TypeError that names the option and its value, if an option is unknown, of the wrong type or out of range
 * @internal
 */
export function parseOptions(options: unknown, kind: 'resolve' | 'watch'): Config {
  const checked = check(options, kind)
  if (checked instanceof TypeError) throw checked
  const { distribution, dataDir = defaultDataDir(distribution), tls, key = defaultKey(distribution), ...rest } = checked
  return {
    ...absent,
    ...rest,
    dataDir,
    usesDataDir: tls === undefined && rest.endpoints.some(({ secure }) => secure),
    tls: tls ?? defaultTlsFiles(dataDir),
    key,
  }
}

function check(options: unknown, kind: 'resolve' | 'watch') {
  // Outside of `try`, because a failure to load zod is not an error of the options.
  const schema = optionSchemas()[kind]
  try {
    const result = schema.safeParse(options)
    return result.success ? result.data : optionError(result.error.issues[0], options)
  } catch (cause) {
    return new TypeError('The options cannot be read: reading a property throws an error', { cause })
  }
}
