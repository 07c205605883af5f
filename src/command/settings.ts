import { secret } from '../util/text.ts'
import { flags, variableOf } from './flags.ts'
import type { Values } from './parse-flags.ts'
import { UsageError } from './usage-error.ts'
import { onOrOff } from './value-types.ts'
import type { ValueType } from './value-types.ts'

/** The variables of the environment. */
export type Environment = Readonly<Record<string, string | undefined>>

/** The value of a flag, and the flag or the variable that it was given with. */
export interface Setting {
  readonly value: unknown
  readonly origin: string
}

/**
 * Returns the value of each flag that was given, by the name of the flag. Where the flag was not given, its own variable
 * is used, and then that of etcdctl. An empty variable counts as not given.
 *
 * @throws UsageError for a value that cannot be read
 */
export function readSettings(values: Values, env: Environment, etcdctl: Environment): ReadonlyMap<string, Setting> {
  const settings = new Map<string, Setting>()
  for (const name of Object.keys(flags)) {
    const variable = variableOf(name) ?? ''
    const setting = fromFlag(name, values[name]) ?? fromVariable(name, variable, env[variable])
    if (setting !== undefined) settings.set(name, setting)
  }
  // The variables of etcdctl are about etcd.
  if (settings.get('source')?.value === 'kubernetes' || settings.has('token-file')) return settings
  for (const [name, { etcdctlVariable = '' }] of Object.entries(flags)) {
    if (settings.has(name)) continue
    const setting = fromVariable(name, etcdctlVariable, etcdctl[etcdctlVariable])
    if (setting !== undefined) settings.set(name, setting)
  }
  return settings
}

function fromFlag(name: string, given: Values[string]): Setting | undefined {
  if (given === undefined) return undefined
  const origin = `--${name}`
  if (typeof given === 'boolean') return { value: given, origin }
  return fromTexts(flags[name]?.type ?? onOrOff, origin, [given].flat().map(String))
}

function fromVariable(name: string, variable: string, text: string | undefined): Setting | undefined {
  return text ? fromTexts(flags[name]?.type ?? onOrOff, variable, [text]) : undefined
}

function fromTexts({ isList, isSecret, parse, rule }: ValueType, origin: string, texts: readonly string[]): Setting {
  const values = (isList ? texts.flatMap((text) => text.split(',')) : texts).map((text) => {
    const value = parse(text)
    const isShown = isSecret !== true && !secret.test(text)
    if (value === undefined) throw new UsageError(`${origin} ${rule}${isShown ? `, got "${text}"` : ''}`)
    return value
  })
  // If a flag with one value is repeated, the last value counts.
  return { value: isList ? values : values.at(-1), origin }
}
