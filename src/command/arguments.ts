import { parseArgs } from 'node:util'
import type { WatchOptions } from '../options.ts'
import { secret } from '../util/text.ts'
import { flags } from './flags.ts'
import type { Kind } from './flags.ts'

/** A mistake in the command line or in its environment. The message names the flag or the variable. */
export class UsageError extends Error {}

/** What the command line and its environment ask for. */
export interface Request {
  readonly watch: boolean
  readonly json: boolean
  readonly logLevel: string | undefined
  /** Holds only what was given: defaults and ranges are the library's. */
  readonly options: WatchOptions
  /** Turns the library's complaint about an option into one about the flag or variable that set it. */
  readonly explain: (error: unknown) => unknown
}

type Environment = Readonly<Record<string, string | undefined>>
type Values = Readonly<Record<string, string | boolean | (string | boolean)[] | undefined>>

/** @throws UsageError for what cannot be read; what is out of range is refused by the library */
export function readCommandLine(args: readonly string[], env: Environment): 'help' | 'version' | Request {
  const values = parse(args)
  if (values['help']) return 'help'
  if (values['version']) return 'version'

  const { user, password } = readUser(env)
  const variables: Environment = { ...env, ETCDCTL_USER: user }
  const options: Record<string, unknown> = {}
  /** The flag or variable that set an option. */
  const sources = new Map<string, string>()
  const set = (option: string, source: string, value: unknown) => {
    const [name = option, group] = option.split('.').toReversed()
    Object.assign(group === undefined ? options : (options[group] ??= {}), { [name]: value })
    sources.set(option, source)
  }

  let logLevel: string | undefined
  for (const [flag, { kind, option, variable = '' }] of Object.entries(flags)) {
    const given = values[flag] ?? (variables[variable] || undefined)
    if (kind === undefined || given === undefined) continue
    const source = values[flag] === undefined ? variable : `--${flag}`
    const read = readValues(kind, source, [given].flat().map(String))
    // Of a flag that takes one value the last counts.
    if (option === undefined) logLevel = String(read.at(-1))
    else set(option, source, kind.list ? read : read.at(-1))
  }

  const named = sources.get('credentials.username')
  const passwordOf = named === '--user' ? env['ETCDCTL_PASSWORD'] : password
  if (named !== undefined) {
    if (named === '--user' && String(values['user']).includes(':')) {
      throw new UsageError('--user takes the name alone: set ETCDCTL_PASSWORD, as every user can read a command line')
    }
    if (passwordOf === undefined) throw new UsageError(`${named} needs the password in ETCDCTL_PASSWORD`)
    set('credentials.password', 'ETCDCTL_PASSWORD', passwordOf)
  }
  const missing = ['tls.caFile', 'tls.certFile', 'tls.keyFile'].filter((option) => !sources.has(option)).map(flagOf)
  if (missing.length === 1 || missing.length === 2) {
    throw new UsageError(`--cacert, --cert and --key go together: ${missing.join(' and ')} missing`)
  }
  for (const option of ['shrinkDelayMs', 'probeIntervalMs']) {
    if (sources.has(option) && !values['watch']) throw new UsageError(`${flagOf(option)} needs --watch`)
  }

  return {
    watch: values['watch'] === true,
    json: values['json'] === true,
    logLevel,
    options,
    explain(error) {
      const complaint = /^Option "([\w.]+)[^"]*"(.*)/s.exec(error instanceof TypeError ? error.message : '')
      if (!complaint) return error
      const [, option = '', rest = ''] = complaint
      return new UsageError((sources.get(option) ?? flagOf(option)) + rest)
    },
  }
}

function parse(args: readonly string[]): Values {
  const options = Object.entries(flags).map(([name, { kind }]) => {
    const type = kind === undefined ? ('boolean' as const) : ('string' as const)
    return [name, { type, multiple: kind !== undefined, ...(name === 'help' && { short: 'h' }) }] as const
  })
  try {
    return parseArgs({ args: [...args], options: Object.fromEntries(options) }).values
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    const message = secret.test(error.message) ? error.message.replace(/ '.*'/s, '') : error.message
    throw new UsageError(message.replaceAll('\n', ' '))
  }
}

function readValues({ list, read, rule }: Kind, source: string, texts: readonly string[]): unknown[] {
  return (list ? texts.flatMap((text) => text.split(',')) : texts).map((text) => {
    const value = read(text)
    if (value === undefined) throw new UsageError(`${source} ${rule}${secret.test(text) ? '' : `, got "${text}"`}`)
    return value
  })
}

/** etcdctl takes `name:password` too. */
function readUser(env: Environment): { readonly user: string; readonly password: string | undefined } {
  const [user = '', ...password] = (env['ETCDCTL_USER'] ?? '').split(':')
  return { user, password: password.length > 0 ? password.join(':') : env['ETCDCTL_PASSWORD'] }
}

function flagOf(option: string): string {
  const [flag] = Object.entries(flags).find(([, { option: sets }]) => sets === option) ?? [option]
  return `--${flag}`
}
