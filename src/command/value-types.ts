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
}

export const text = (placeholder: string): ValueType => ({
  placeholder,
  rule: 'must not be empty',
  parse: (given) => given.trim() || undefined,
})

export const list = (placeholder: string): ValueType => ({ ...text(placeholder), isList: true })

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

const levels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']

export const level: ValueType = {
  placeholder: 'LEVEL',
  rule: `must be one of ${levels.join(', ')}`,
  parse: (given) => levels.find((name) => name === given),
}
