import type { WatchOptions } from '../options.ts'
import { addPassword, etcdctlUser } from './credentials.ts'
import { flagOf, flags } from './flags.ts'
import { GivenOptions } from './given-options.ts'
import { parseFlags } from './parse-flags.ts'
import { readSettings } from './settings.ts'
import type { Environment, Setting } from './settings.ts'
import { UsageError } from './usage-error.ts'
import type { Level, LogFormat } from './value-types.ts'

/** The settings in the command line and in its environment. */
export interface Request {
  readonly watch: boolean
  readonly json: boolean
  /** The file to write instead of stdout. */
  readonly output: string | undefined
  readonly logLevel: Level | undefined
  readonly logFormat: LogFormat
  /** The program to start after the wait, with its arguments. */
  readonly program: readonly string[] | undefined
  readonly options: WatchOptions
  /** Returns the usage error for a `TypeError` of the library about an option, see `GivenOptions`. */
  readonly explain: (error: unknown) => unknown
}

const watchOptions = new Set(['shrinkDelayMs', 'probeIntervalMs'])

/** @throws UsageError for a value that cannot be read. The library checks the ranges. */
export function readCommandLine(args: readonly string[], env: Environment): 'help' | 'version' | Request {
  const { values, program } = parseFlags(args)
  if (values['help']) return 'help'
  if (values['version']) return 'version'

  const user = etcdctlUser(env)
  const settings = readSettings(values, env, { ...env, ETCDCTL_USER: user.name })
  const given = new GivenOptions()
  const isWatch = settings.get('watch')?.value === true
  for (const [name, { value, origin }] of settings) {
    const option = flags[name]?.option
    if (option === undefined) continue
    const isUsed = isWatch || !watchOptions.has(option)
    if (isUsed) given.set(option, origin, value)
    // A variable may be for other commands with the same environment.
    else if (origin === `--${name}`) throw new UsageError(`${origin} needs --watch`)
  }
  addScheme(given)
  addPassword(given, user, env)
  checkCombinations(given, settings, program)
  const output = settings.get('output')?.value as string | undefined
  return {
    watch: isWatch,
    json: settings.get('json')?.value === true,
    output: output === '-' ? undefined : output,
    logLevel: settings.get('log-level')?.value as Level | undefined,
    logFormat: (settings.get('log-format')?.value ?? 'auto') as LogFormat,
    program,
    options: given.options,
    explain: (error) => given.explain(error),
  }
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

function checkCombinations(
  given: GivenOptions,
  settings: ReadonlyMap<string, Setting>,
  program: readonly string[] | undefined,
): void {
  const isMissing = (option: string) => given.originOf(option) === undefined
  const files = isMissing('tls.certFile') && isMissing('tls.keyFile') ? [] : ['caFile', 'certFile', 'keyFile']
  const missing = files.map((name) => `tls.${name}`).filter(isMissing)
  if (missing.length > 0) {
    throw new UsageError(`--cacert, --cert and --key go together; missing: ${missing.map(flagOf).join(', ')}`)
  }
  const watch = settings.get('watch')
  if (program === undefined) return
  if (!program[0]) throw new UsageError('-- needs a COMMAND to start')
  if (watch?.value === true) {
    throw new UsageError(`${watch.origin} never ends, so that COMMAND would never start`)
  }
}
