import { parseArgs } from 'node:util'
import type { WatchOptions } from '../options.ts'
import { secret } from '../util/text.ts'
import { addPassword, etcdctlUser } from './credentials.ts'
import { flagOf, flags } from './flags.ts'
import { GivenOptions } from './given-options.ts'
import { UsageError } from './usage-error.ts'
import type { ValueType } from './value-types.ts'

/** The settings in the command line and in its environment. */
export interface Request {
  readonly watch: boolean
  readonly json: boolean
  readonly logLevel: string | undefined
  readonly options: WatchOptions
  /** Returns the usage error for a `TypeError` of the library about an option, see `GivenOptions`. */
  readonly explain: (error: unknown) => unknown
}

type Environment = Readonly<Record<string, string | undefined>>
/** The value of a switch, and the texts of every other flag. */
type Values = Readonly<Record<string, string | boolean | (string | boolean)[] | undefined>>

/** @throws UsageError for a value that cannot be read. The library checks the ranges. */
export function readCommandLine(args: readonly string[], env: Environment): 'help' | 'version' | Request {
  const values = parse(args)
  if (values['help']) return 'help'
  if (values['version']) return 'version'

  const given = new GivenOptions()
  const user = etcdctlUser(env)
  // The variables of etcdctl are about etcd.
  const isKubernetes = [values['source']].flat().at(-1) === 'kubernetes' || values['token-file'] !== undefined
  const logLevel = readFlags(given, values, isKubernetes ? {} : { ...env, ETCDCTL_USER: user.name })
  addScheme(given)
  addPassword(given, user, env, values['user']?.toString())
  const watch = values['watch'] === true
  checkCombinations(given, watch)
  return {
    watch,
    json: values['json'] === true,
    logLevel,
    options: given.options,
    explain: (error) => given.explain(error),
  }
}

function parse(args: readonly string[]): Values {
  const options = Object.entries(flags).map(([name, { type }]) => {
    const parsed = type === undefined ? { type: 'boolean' as const } : { type: 'string' as const, multiple: true }
    return [name, name === 'help' ? { ...parsed, short: 'h' } : parsed] as const
  })
  try {
    return parseArgs({ args: [...args], options: Object.fromEntries(options) }).values
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    const message = secret.test(error.message) ? error.message.replace(/ '.*'/s, '') : error.message
    throw new UsageError(message.replaceAll('\n', ' '))
  }
}

/** Reads the flags and, where a flag is not given, its variable. Returns the log level. */
function readFlags(given: GivenOptions, values: Values, env: Environment): string | undefined {
  let logLevel: string | undefined
  for (const [name, { type, option, variable = '' }] of Object.entries(flags)) {
    const texts = values[name] ?? (env[variable] || undefined)
    if (type === undefined || texts === undefined) continue
    const origin = values[name] === undefined ? variable : `--${name}`
    const parsed = parseValues(type, origin, [texts].flat().map(String))
    // If a flag with one value is repeated, the last value counts.
    const value = type.isList ? parsed : parsed.at(-1)
    if (option === undefined) logLevel = String(value)
    else given.set(option, origin, value)
  }
  return logLevel
}

/** Completes `host:port` in the variable of etcdctl, as etcdctl does: with certificate files, it is TLS. */
function addScheme(given: GivenOptions): void {
  const { endpoints, tls } = given.options
  const origin = given.originOf('endpoints')
  if (!Array.isArray(endpoints) || origin !== 'ETCDCTL_ENDPOINTS') return
  const scheme = tls === undefined ? 'http' : 'https'
  const urls = endpoints.map((endpoint: string) => (endpoint.includes('://') ? endpoint : `${scheme}://${endpoint}`))
  given.set('endpoints', origin, urls)
}

function parseValues({ isList, parse: parseOne, rule }: ValueType, origin: string, texts: string[]): unknown[] {
  return (isList ? texts.flatMap((text) => text.split(',')) : texts).map((text) => {
    const value = parseOne(text)
    if (value === undefined) throw new UsageError(`${origin} ${rule}${secret.test(text) ? '' : `, got "${text}"`}`)
    return value
  })
}

function checkCombinations(given: GivenOptions, watch: boolean): void {
  const isMissing = (option: string) => given.originOf(option) === undefined
  const files = isMissing('tls.certFile') && isMissing('tls.keyFile') ? [] : ['caFile', 'certFile', 'keyFile']
  const missing = files.map((name) => `tls.${name}`).filter(isMissing)
  if (missing.length > 0) {
    throw new UsageError(`--cacert, --cert and --key go together; missing: ${missing.map(flagOf).join(', ')}`)
  }
  for (const option of ['shrinkDelayMs', 'probeIntervalMs']) {
    if (given.originOf(option) !== undefined && !watch) throw new UsageError(`${flagOf(option)} needs --watch`)
  }
}
