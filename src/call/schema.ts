import type { EventEmitter } from 'node:events'
import type { Logger } from 'pino'
import type { RawCreateParams, ZodType } from 'zod/v3'
import { parseEndpoint } from '../addresses/endpoint.ts'
import type { Endpoint } from '../addresses/endpoint.ts'
import { normalizeAddress, normalizeHost } from '../addresses/host-port.ts'
import type { ApiserverAddressEvents } from '../events.ts'
import { z } from '../util/zod.ts'
import { defaults } from './defaults.ts'

let schemas: ReturnType<typeof createSchemas> | undefined

/**
 * Returns the schemas of the options, created by the first call. They refuse unknown options, normalise values, and
 * fill in the defaults that do not depend on another option.
 *
 * @internal
 */
export const optionSchemas = () => (schemas ??= createSchemas())

function createSchemas() {
  const resolve = z.object(resolveFields(), invalid('must be an object')).strict()
  return { resolve, watch: resolve.extend(watchFields()) }
}

function resolveFields() {
  return {
    distribution: oneOf(['rke2', 'k3s'], "must be 'rke2' or 'k3s'").default(defaults.distribution),
    dataDir: text().optional(),
    endpoints: endpoints().default(defaults.endpoints),
    tls: tls().optional(),
    credentials: credentials().optional(),
    key: key().optional(),
    minAddresses: count().default(defaults.minAddresses),
    expect: z.array(hostOrAddress(), invalid('must be an array of host or host:port')).default([...defaults.expect]),
    settleMs: delayMs().default(defaults.settleMs),
    probe: oneOf(['tcp', 'tls', 'readyz'], "must be 'tcp', 'tls' or 'readyz'").optional(),
    probeTimeoutMs: positiveMs().default(defaults.probeTimeoutMs),
    retry: retry().default({}),
    timeoutMs: orInfinity(positiveMs(), aboveZero).default(defaults.timeoutMs),
    attemptTimeoutMs: positiveMs().default(defaults.attemptTimeoutMs),
    signal: withMethods<AbortSignal>(
      'an AbortSignal',
      'addEventListener',
      'removeEventListener',
      'throwIfAborted',
    ).optional(),
    events: withMethods<EventEmitter<ApiserverAddressEvents>>('an EventEmitter', 'emit', 'on').optional(),
    logger: withMethods<Logger>('a pino logger', 'child', 'debug', 'info', 'warn', 'error').optional(),
  }
}

function watchFields() {
  return {
    shrinkDelayMs: delayMs().default(defaults.shrinkDelayMs),
    probeIntervalMs: positiveMs().default(defaults.probeIntervalMs),
  }
}

function retry() {
  const { initialDelayMs, maxDelayMs, factor, jitter, maxAttempts } = defaults.retry
  const fields = {
    initialDelayMs: positiveMs().default(initialDelayMs),
    maxDelayMs: positiveMs().default(maxDelayMs),
    factor: number('must be a number of at least 1').min(1, 'must be a number of at least 1').default(factor),
    jitter: oneOf(['equal', 'full', 'none'], "must be 'equal', 'full' or 'none'").default(jitter),
    maxAttempts: orInfinity(count(), wholeNumber).default(maxAttempts),
  }
  return z.object(fields, invalid('must be an object')).strict()
}

function tls() {
  // The value may be a private key, and reading a file of that name would put it into a message.
  const path = text().refine((file) => !file.includes('-----BEGIN'), 'must be the path of a file, not its content')
  const fields = { caFile: path, certFile: path, keyFile: path }
  return z.object(fields, invalid('must be { caFile, certFile, keyFile }')).strict()
}

function credentials() {
  const fields = { username: text(), password: z.string(invalid('must be a string')) }
  return z.object(fields, invalid('must be { username, password }')).strict()
}

function key() {
  // To etcd, `/a` and `a` are two keys. The key of RKE2 and K3s has no leading slash.
  return text().refine((name) => !name.startsWith('/'), 'must have no leading slash')
}

/** Accepts one URL or an array of URLs, and returns the endpoints without duplicates. */
function endpoints() {
  const message = 'must be a URL or an array of URLs'
  const endpoint = z.string(invalid(message)).transform((url, context) => {
    const result = parseEndpoint(url)
    if ('url' in result) return result
    context.addIssue({ code: 'custom', message: result.problem })
    return z.NEVER
  })
  const list = z.array(endpoint, invalid(message)).nonempty('must name at least one URL').transform(uniqueByUrl)
  return z.preprocess((value) => (typeof value === 'string' ? [value] : value), list)
}

function uniqueByUrl(all: [Endpoint, ...Endpoint[]]): [Endpoint, ...Endpoint[]] {
  const byUrl = new Map(all.map((endpoint) => [endpoint.url, endpoint]))
  return [...byUrl.values()] as [Endpoint, ...Endpoint[]]
}

function hostOrAddress() {
  const message = 'must be host or host:port'
  return z.string(invalid(message)).transform((value, context) => {
    const normalized = normalizeHost(value.trim()) ?? normalizeAddress(value.trim())
    if (normalized !== undefined) return normalized
    context.addIssue({ code: 'custom', message })
    return z.NEVER
  })
}

const wholeNumber = 'must be a whole number of at least 1'
const aboveZero = 'must be a number of milliseconds above 0'
const zeroOrMore = 'must be a number of milliseconds, 0 or more'

/** Sets the message for a value of the wrong type and for a missing value. */
const invalid = (message: string): RawCreateParams => ({ invalid_type_error: message, required_error: message })

const text = () => z.string(invalid('must be a string')).trim().min(1, 'must not be empty')
const number = (message: string) => z.number(invalid(message)).finite(message)
const count = () => number(wholeNumber).int(wholeNumber).safe(wholeNumber).min(1, wholeNumber)
const positiveMs = () => number(aboveZero).positive(aboveZero)
const delayMs = () => number(zeroOrMore).nonnegative(zeroOrMore)

const oneOf = <const T extends readonly [string, ...string[]]>(values: T, message: string) =>
  z.enum(values, { errorMap: () => ({ message }) })

const orInfinity = (finite: ZodType<number>, message: string) =>
  z.custom<number>((value) => value === Infinity || finite.safeParse(value).success, `${message}, or Infinity`)

/** Accepts an object with these methods. `instanceof` would refuse an object of another realm, or of another pino. */
function withMethods<T>(description: string, ...methods: string[]) {
  const hasMethods = (value: unknown) =>
    typeof value === 'object' &&
    value !== null &&
    methods.every((name) => typeof Reflect.get(value, name) === 'function')
  return z.custom<T>(hasMethods, `must be ${description}`)
}
