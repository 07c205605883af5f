import type { EventEmitter } from 'node:events'
import type { Logger } from 'pino'
import type { ZodIssue, ZodType } from 'zod/v3'
import { parseEndpoint } from '../addresses/endpoint.ts'
import type { Endpoint } from '../addresses/endpoint.ts'
import { normalizeAddress, normalizeHost } from '../addresses/host-port.ts'
import type { ApiserverAddressEvents } from '../events.ts'
import type { ProbeKind } from '../options.ts'
import { defaultDataDir, defaultEndpoint, defaultKey, defaultTlsFiles } from '../rke2.ts'
import type { TlsFiles } from '../rke2.ts'
import { excerpt, printable, secret } from '../util/text.ts'
import { z } from '../util/zod.ts'
import type { BackoffOptions } from './backoff.ts'

/** The options with every default filled in and every value checked and normalised. @internal */
export interface Config {
  readonly dataDir: string
  /** Files under `dataDir` are used, so that what is in there says something about the node. */
  readonly usesDataDir: boolean
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

const wholeNumber = 'must be a whole number of at least 1'
const milliseconds = 'must be a number of milliseconds'

function schema() {
  /** One message for a value of the wrong type and for none. */
  const otherwise = (message: string) => ({ invalid_type_error: message, required_error: message })
  const number = (message: string) => z.number(otherwise(message)).finite(message)
  const oneOf = <const T extends readonly [string, ...string[]]>(values: T, message: string) =>
    z.enum(values, { errorMap: () => ({ message }) })
  const positiveMs = number(`${milliseconds} above 0`).positive(`${milliseconds} above 0`)
  const delayMs = number(`${milliseconds}, 0 or more`).nonnegative(`${milliseconds}, 0 or more`)
  const text = z.string(otherwise('must be a string')).trim().min(1, 'must not be empty')
  const count = number(wholeNumber).int(wholeNumber).safe(wholeNumber).min(1, wholeNumber)
  const orInfinity = (finite: ZodType<number>, error: string) =>
    z.custom<number>((value) => value === Infinity || finite.safeParse(value).success, `${error}, or Infinity`)
  const withMethods = <T>(what: string, ...methods: string[]) =>
    z.custom<T>(
      (value) =>
        typeof value === 'object' &&
        value !== null &&
        methods.every((name) => typeof Reflect.get(value, name) === 'function'),
      `must be ${what}`,
    )

  const endpoint = z.string(otherwise('must be a URL or an array of URLs')).transform((value, context) => {
    const result = parseEndpoint(value)
    if ('url' in result) return result
    context.addIssue({ code: 'custom', message: result.problem })
    return z.NEVER
  })
  const expected = z.string(otherwise('must be host or host:port')).transform((value, context) => {
    const normalized = normalizeHost(value.trim()) ?? normalizeAddress(value.trim())
    if (normalized !== undefined) return normalized
    context.addIssue({ code: 'custom', message: 'must be host or host:port' })
    return z.NEVER
  })

  const path = text.refine((file) => !file.includes('-----BEGIN'), 'must be the path of a file, and not what is in it')
  const tls = z
    .object({ caFile: path, certFile: path, keyFile: path }, otherwise('must be { caFile, certFile, keyFile }'))
    .strict()
  const credentials = z
    .object(
      { username: text, password: z.string(otherwise('must be a string')) },
      otherwise('must be { username, password }'),
    )
    .strict()
  const retry = z
    .object(
      {
        initialDelayMs: positiveMs.default(250),
        maxDelayMs: positiveMs.default(1900),
        factor: number('must be a number of at least 1').min(1, 'must be a number of at least 1').default(2),
        jitter: oneOf(['equal', 'full', 'none'], "must be 'equal', 'full' or 'none'").default('equal'),
        maxAttempts: orInfinity(count, wholeNumber).default(Infinity),
      },
      otherwise('must be an object'),
    )
    .strict()
  const resolve = z
    .object(
      {
        distribution: oneOf(['rke2', 'k3s'], "must be 'rke2' or 'k3s'").default('rke2'),
        dataDir: text.optional(),
        endpoints: z
          .preprocess(
            (value) => (typeof value === 'string' ? [value] : value),
            z.array(endpoint, otherwise('must be a URL or an array of URLs')).min(1, 'must name at least one URL'),
          )
          .optional(),
        tls: tls.optional(),
        credentials: credentials.optional(),
        key: text.refine((key) => !key.startsWith('/'), 'must have no leading slash').optional(),
        minAddresses: count.default(1),
        expect: z.array(expected, otherwise('must be an array of host or host:port')).default([]),
        settleMs: delayMs.default(0),
        probe: oneOf(['tcp', 'tls', 'readyz'], "must be 'tcp', 'tls' or 'readyz'").optional(),
        probeTimeoutMs: positiveMs.default(2000),
        retry: retry.default({}),
        timeoutMs: orInfinity(positiveMs, `${milliseconds} above 0`).default(900_000),
        attemptTimeoutMs: positiveMs.default(5000),
        signal: withMethods<AbortSignal>(
          'an AbortSignal',
          'addEventListener',
          'removeEventListener',
          'throwIfAborted',
        ).optional(),
        events: withMethods<EventEmitter<ApiserverAddressEvents>>('an EventEmitter', 'emit', 'on').optional(),
        logger: withMethods<Logger>('a pino logger', 'child', 'debug', 'info', 'warn', 'error').optional(),
      },
      otherwise('must be an object'),
    )
    .strict()
  return {
    resolve,
    watch: resolve.extend({ shrinkDelayMs: delayMs.default(3000), probeIntervalMs: positiveMs.default(10_000) }),
  }
}
let schemas: ReturnType<typeof schema> | undefined

/**
 * Checks the options and fills in the defaults. The caller's objects are neither kept nor changed.
 *
 * @throws TypeError that names the option and the value, for any that is unknown, of the wrong type or out of range
 * @internal
 */
export function parseOptions(options: unknown, kind: 'resolve' | 'watch'): Config {
  const { resolve, watch } = (schemas ??= schema())
  const read = () => {
    const result = (kind === 'watch' ? watch : resolve).safeParse(options)
    return result.success ? result.data : complaint(result.error.issues[0], options)
  }
  let parsed
  try {
    parsed = read()
  } catch (cause) {
    throw new TypeError('The options cannot be read: one throws when it is looked at', { cause })
  }
  if (typeof parsed === 'string') throw new TypeError(printable(parsed).slice(0, 400).toWellFormed())
  const { distribution, dataDir = defaultDataDir(distribution), endpoints, tls, key, ...rest } = parsed
  const all = endpoints ?? [parseEndpoint(defaultEndpoint) as Endpoint]
  const unique = [...new Map(all.map((endpoint) => [endpoint.url, endpoint])).values()]
  return {
    shrinkDelayMs: 0,
    probe: undefined,
    probeIntervalMs: Infinity,
    signal: undefined,
    events: undefined,
    logger: undefined,
    credentials: undefined,
    ...rest,
    dataDir,
    usesDataDir: tls === undefined && unique.some(({ secure }) => secure),
    endpoints: unique as [Endpoint, ...Endpoint[]],
    tls: tls ?? defaultTlsFiles(dataDir),
    key: key ?? defaultKey(distribution),
  }
}

function complaint(issue: ZodIssue | undefined, options: unknown): string {
  if (issue === undefined) return 'Invalid options'
  const name = (path: readonly PropertyKey[]) =>
    path
      .map((part, index) => (typeof part === 'number' ? `[${part}]` : index === 0 ? String(part) : `.${String(part)}`))
      .join('')
  if (issue.code === 'unrecognized_keys') {
    return `Unknown option ${issue.keys.map((key) => `"${name([...issue.path, key])}"`).join(', ')}`
  }
  if (issue.path.length === 0) return `The options ${issue.message}${got(options)}`
  // A mistyped password is still a password.
  if (issue.path[0] === 'credentials') return `Option "${name(issue.path)}" ${issue.message}`
  // One endpoint given as a string was checked as an array of one.
  const single = issue.path[0] === 'endpoints' && typeof Reflect.get(Object(options), 'endpoints') === 'string'
  const path = single ? ['endpoints'] : issue.path
  const value = path.reduce<unknown>((from, part) => Reflect.get(Object(from), part), options)
  return `Option "${name(path)}" ${issue.message}${got(value)}`
}

/** What is given to the wrong option is a secret all the same. */
function got(value: unknown): string {
  return typeof value === 'string' && secret.test(value) ? '' : `, got ${excerpt(value, -1)}`
}
