import { parseArgs } from 'node:util'
import { secret } from '../util/text.ts'
import { flags } from './flags.ts'
import { similarFlag } from './suggestion.ts'
import { UsageError } from './usage-error.ts'

/** The value of a switch, and the texts of every other flag. */
export type Values = Readonly<Record<string, string | boolean | (string | boolean)[] | undefined>>

/** The flags in a command line, and what follows them. */
export interface ParsedFlags {
  readonly values: Values
  /** The program to start with its arguments; `undefined` without `--`. */
  readonly program: readonly string[] | undefined
}

const options = Object.fromEntries(
  Object.entries(flags).map(([name, { type, short }]) => {
    const parsed = type === undefined ? { type: 'boolean' as const } : { type: 'string' as const, multiple: true }
    return [name, short === undefined ? parsed : { ...parsed, short }]
  }),
)

/** @throws UsageError if a flag is not known or lacks its value, or for an argument that belongs to no flag */
export function parseFlags(args: readonly string[]): ParsedFlags {
  const { tokens } = parseArgs({ args: [...args], options, strict: false, tokens: true })
  const end = tokens.find(({ kind }) => kind === 'option-terminator')?.index ?? args.length
  for (const token of tokens) {
    const isKnown = token.kind !== 'option' || token.index > end || Object.hasOwn(options, token.name)
    if (!isKnown) throw unknown(token.rawName, token.name)
  }
  const { values, positionals } = parseStrictly(args.slice(0, end))
  const [unexpected] = positionals
  if (unexpected !== undefined) {
    throw new UsageError(`Unexpected argument${quoted(unexpected)}: a COMMAND to start goes after --`)
  }
  return { values, program: end < args.length ? args.slice(end + 1) : undefined }
}

function parseStrictly(args: string[]): { values: Values; positionals: string[] } {
  try {
    return parseArgs({ args, options, allowPositionals: true })
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    const message = secret.test(error.message) ? error.message.replace(/ '.*'/s, '') : error.message
    throw new UsageError(message.replaceAll('\n', ' '))
  }
}

function unknown(rawName: string, name: string): UsageError {
  const similar = similarFlag(name)
  return new UsageError(`Unknown option${quoted(rawName)}${similar === undefined ? '' : `, did you mean ${similar}?`}`)
}

const quoted = (text: string) => (secret.test(text) ? '' : ` '${text}'`)
