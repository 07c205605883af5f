import type { EventEmitter } from 'node:events'
import * as z from 'zod/mini'
import { parseEndpoint } from '../addresses/endpoint.ts'
import { normalizeAddress, normalizeHost } from '../addresses/host-port.ts'
import type { ApiserverAddressEvent, ApiserverAddressEvents } from '../events.ts'
import type { Logger } from '../options.ts'

const wholeNumber = 'must be a whole number of at least 1'
const aboveZero = 'must be a number of milliseconds above 0'
const zeroOrMore = 'must be a number of milliseconds, 0 or more'

/** @internal */
export const anObject = 'must be an object'

const text = () => z.string('must be a string').check(z.trim(), z.minLength(1, 'must not be empty'))
const count = () => z.number(wholeNumber).check(z.refine(Number.isSafeInteger, wholeNumber), z.gte(1, wholeNumber))
const positiveMs = () => z.number(aboveZero).check(z.positive(aboveZero))
const delayMs = () => z.number(zeroOrMore).check(z.nonnegative(zeroOrMore))

const oneOf = <const T extends readonly [string, ...string[]]>(values: T, message: string) => z.enum(values, message)

const orInfinity = (finite: z.ZodMiniType<number>, message: string) =>
  z.custom<number>((value) => value === Infinity || finite.safeParse(value).success, `${message}, or Infinity`)

/**
 * The functions that create the schema of each option, which normalises its value. The schemas of the options that are
 * not given are never created, because all of them take 2 ms.
 */
const resolveFields = {
  source: () => oneOf(['auto', 'etcd', 'kubernetes'], "must be 'auto', 'etcd' or 'kubernetes'"),
  distribution: () => oneOf(['auto', 'rke2', 'k3s'], "must be 'auto', 'rke2' or 'k3s'"),
  dataDir: text,
  endpoints,
  tls,
  tokenFile: path,
  credentials,
  key,
  minAddresses: count,
  expect: () => z.array(hostOrAddress(), 'must be an array of host or host:port'),
  settleMs: delayMs,
  probe: () => oneOf(['tcp', 'tls', 'readyz'], "must be 'tcp', 'tls' or 'readyz'"),
  probeTimeoutMs: positiveMs,
  retry,
  timeoutMs: () => orInfinity(positiveMs(), aboveZero),
  attemptTimeoutMs: positiveMs,
  signal: () => withMethods<AbortSignal>('an AbortSignal', 'addEventListener', 'removeEventListener', 'throwIfAborted'),
  events: () => withMethods<EventEmitter<ApiserverAddressEvents>>('an EventEmitter', 'emit', 'on'),
  onEvent: () => aFunction<(event: ApiserverAddressEvent) => void>(),
  logger: () => withMethods<Logger>('a logger, such as one of pino', 'debug', 'info', 'warn', 'error'),
}

/** The options that only a watch has. */
const watchOnlyFields = { shrinkDelayMs: delayMs, probeIntervalMs: positiveMs }
const watchFields = { ...resolveFields, ...watchOnlyFields }
const fieldsOf = { resolve: resolveFields, watch: watchFields }

/** Returns whether an option is only for a watch. */
export const isWatchOnly = (name: string): boolean => Object.hasOwn(watchOnlyFields, name)

type Fields = typeof watchFields

/** The options that were given, normalised. @internal */
export type CheckedOptions = { readonly [Name in keyof Fields]?: z.output<ReturnType<Fields[Name]>> }

/**
 * Returns the options that are given, in a copy: not those that are `undefined`, and `endpoints` as an array. Inherited
 * options and getters count. Unknown options are in the copy, so that the schema refuses them.
 *
 * @internal
 */
export function givenOptions(options: object, kind: 'resolve' | 'watch'): Readonly<Record<string, unknown>> {
  const fields = fieldsOf[kind]
  const names = new Set(Object.keys(fields))
  for (const name in options) names.add(name)
  const entries = Array.from(names, (name) => [name, valueOf(options, name)] as const)
  return Object.fromEntries(entries.filter(([name, value]) => value !== undefined || !Object.hasOwn(fields, name)))
}

/** Returns the value of an option; one endpoint as an array of one. */
function valueOf(options: object, name: string): unknown {
  const value: unknown = Reflect.get(options, name)
  return name === 'endpoints' && typeof value === 'string' ? [value] : value
}

/**
 * Returns the schema for options with these names, which refuses unknown ones.
 *
 * @internal
 */
export function schemaFor(names: readonly string[], kind: 'resolve' | 'watch'): z.ZodMiniType<CheckedOptions> {
  const fields = Object.entries(fieldsOf[kind]).filter(([name]) => names.includes(name))
  return z.strictObject(Object.fromEntries(fields.map(([name, create]) => [name, create()])))
}

function retry() {
  const atLeastOne = 'must be a number of at least 1'
  const fields = {
    initialDelayMs: z.optional(positiveMs()),
    maxDelayMs: z.optional(positiveMs()),
    factor: z.optional(z.number(atLeastOne).check(z.gte(1, atLeastOne))),
    jitter: z.optional(oneOf(['equal', 'full', 'none'], "must be 'equal', 'full' or 'none'")),
    maxAttempts: z.optional(orInfinity(count(), wholeNumber)),
  }
  return object(fields, anObject)
}

function tls() {
  const fields = { caFile: path(), certFile: z.optional(path()), keyFile: z.optional(path()) }
  const files = object(fields, 'must be { caFile, certFile, keyFile } or { caFile }')
  type Files = z.output<typeof files>
  const needs = (one: keyof Files, other: keyof Files) =>
    z.refine<Files>((given) => given[one] === undefined || given[other] !== undefined, {
      path: [other],
      error: `must be given together with ${one}`,
    })
  return files.check(needs('certFile', 'keyFile'), needs('keyFile', 'certFile'))
}

function path() {
  // The value may be a private key or a token, and reading a file of that name would put it into a message.
  const isPath = (file: string) => !/-----BEGIN|^ey[\w-]+\.ey[\w-]+\./.test(file)
  return text().check(z.refine(isPath, 'must be the path of a file, not its content'))
}

function credentials() {
  return object({ username: text(), password: z.string('must be a string') }, 'must be { username, password }')
}

function key() {
  // To etcd, `/a` and `a` are two keys. The key of RKE2 and K3s has no leading slash.
  return text().check(z.refine((name) => !name.startsWith('/'), 'must have no leading slash'))
}

/** Accepts an array of URLs. Their default port is that of the source, which another option may decide. */
function endpoints() {
  const message = 'must be a URL or an array of URLs'
  const isEndpoint = z.superRefine<string>((url, context) => {
    const result = parseEndpoint(url)
    if (!('url' in result)) context.issues.push({ code: 'custom', message: result.problem, input: url })
  })
  const endpoint = z.string(message).check(isEndpoint)
  return z.array(endpoint, message).check(z.minLength(1, 'must name at least one URL'))
}

function hostOrAddress() {
  const message = 'must be host or host:port'
  const normalize = z.transform((value: string, context) => {
    const normalized = normalizeHost(value.trim()) ?? normalizeAddress(value.trim())
    if (normalized !== undefined) return normalized
    context.issues.push({ code: 'custom', message, input: value })
    return z.NEVER
  })
  return z.pipe(z.string(message), normalize)
}

/** Accepts an object with these fields and no other. zod alone would accept a Map, a Date and a promise. */
const object = <const T extends z.core.$ZodLooseShape>(fields: T, message: string) =>
  z.pipe(z.custom<object>(isFieldObject, message), z.strictObject(fields, message))

/**
 * Returns whether a value is an object with fields, and not one that is used by its methods.
 *
 * @internal
 */
export const isFieldObject = (value: unknown): value is object =>
  typeof value === 'object' &&
  value !== null &&
  ![Array, Map, Set, Date, Promise].some((other) => value instanceof other)

const aFunction = <T>() => z.custom<T>((value) => typeof value === 'function', 'must be a function')

/** Accepts an object with these methods. `instanceof` would refuse an object of another realm, or of another pino. */
function withMethods<T>(description: string, ...methods: string[]) {
  const hasMethods = (value: unknown) =>
    typeof value === 'object' &&
    value !== null &&
    methods.every((name) => typeof Reflect.get(value, name) === 'function')
  return z.custom<T>(hasMethods, `must be ${description}`)
}
