import { parseDuration } from './duration.ts'

/** The type of the value that follows a flag. */
export interface ValueType {
  /** The placeholder of the value in `--help`. */
  readonly placeholder: string
  /** The rule for the value. It reads on after the name of the flag. */
  readonly rule: string
  /** Returns the value; `undefined` if the text breaks the rule. */
  readonly parse: (text: string) => unknown
  /** Whether several values may be given: by repeating the flag, or with commas. */
  readonly isList?: true
  /** Whether the text may have a password, so that no message repeats it. */
  readonly isSecret?: true
}

export const text = (placeholder: string): ValueType => ({
  placeholder,
  rule: 'must not be empty',
  parse: (given) => given.trim() || undefined,
})

export const list = (placeholder: string): ValueType => ({ ...text(placeholder), isList: true })

/** Every user can read a command line, so it must have no password. */
export const userName: ValueType = {
  placeholder: 'NAME',
  rule: 'must be only the name: put the password into ETCDCTL_PASSWORD',
  parse: (given) => (given.includes(':') ? undefined : given.trim() || undefined),
  isSecret: true,
}

export const time: ValueType = {
  placeholder: 'TIME',
  rule: 'must be a time such as 250ms, 3s, 5m or 1m30s',
  parse: parseDuration,
}

export const number: ValueType = {
  placeholder: 'N',
  rule: 'must be a number',
  parse: (given) => (/^\d+(\.\d+)?$/.test(given) ? Number(given) : undefined),
}

const choice = (placeholder: string, names: readonly string[]): ValueType => ({
  placeholder,
  rule: `must be one of ${names.join(', ')}`,
  parse: (given) => names.find((name) => name === given),
})

/** The levels of the log, the most detailed one first. */
export const levels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const
export type Level = (typeof levels)[number]
export const level: ValueType = choice('LEVEL', levels)

const logFormats = ['auto', 'text', 'json'] as const
export type LogFormat = (typeof logFormats)[number]
export const logFormat: ValueType = choice('FORMAT', logFormats)

/** The value of a switch in its variable. */
export const onOrOff: ValueType = {
  placeholder: '1',
  rule: 'must be 1, true, 0 or false',
  parse: (given) =>
    new Map([
      ['1', true],
      ['true', true],
      ['0', false],
      ['false', false],
    ]).get(given),
}
