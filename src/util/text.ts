/** Matches text that may hold a password (a URL with a user) or a key. Such text is never repeated in a message. */
export const secret: RegExp = /@|-----BEGIN/

/**
 * The control and format characters and the line separators. They are not in a literal of a regular expression, because V8
 * looks up the character classes of every literal when it loads the file. That takes half a millisecond.
 */
const invisible = String.raw`[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]`

/** Replaces control and format characters and line separators, which a terminal obeys or hides, by `\u{1b}` and the like. */
export function printable(text: string): string {
  return text.replace(new RegExp(invisible, 'gu'), (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`)
}

/** Returns the message of an error, or the text of any other value that was thrown. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** Returns a message of Node or OpenSSL on one line of at most 300 characters, without the parts that help no reader. */
export function oneLine(text: string): string {
  return (
    text
      // Cut first, so that no pattern ever sees a long text.
      .slice(0, 2000)
      // The error code and source line of OpenSSL, and advice of Node that does not fit here.
      .replace(/\b[0-9A-F]+:error:[0-9A-F]+:SSL routines:\w*:([^:]+):[^:]*:\d+(:[^:]*alert number \d+)?:?/g, '$1')
      .replace(/; if the root CA is installed locally.*$/s, '')
      .replace(/ \(\d{4}-\d\d-\d\dT[\d:.]+Z\)/, '')
      .replace(new RegExp(`${invisible}+`, 'gu'), ' ')
      .trim()
      .slice(0, 300)
      .toWellFormed()
  )
}

/** Returns the text of a value of foreign JSON. An object has none: its conversion may throw an error, or recurse deeply. */
export const scalarText = (value: unknown): string =>
  typeof value === 'object' && value !== null ? 'an object' : String(value)

/** Returns a duration in seconds with one decimal, such as `1.5 s`. */
export const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`

/** Returns a number with its noun, which is in the plural unless the number is 1. */
export const count = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? '' : 's'}`

const excerptOptions = { breakLength: Infinity, customInspect: false, maxArrayLength: 3, maxStringLength: 80 }

/**
 * Returns the start of a value on one line, quoted and printable, for messages.
 *
 * @param depth with -1, only the kind of an object is shown and not its content
 */
export function excerpt(value: unknown, depth = 0): string {
  // Importing node:util would take 1.5 ms of every start.
  const { inspect } = process.getBuiltinModule('node:util')
  const text = printable(inspect(typeof value === 'string' ? value.slice(0, 100) : value, { ...excerptOptions, depth }))
  return text.length > 140 ? `${text.slice(0, 140).toWellFormed()}...` : text
}
