type Fields = Readonly<Record<string, unknown>>
type Write = (fields: Fields, text: string) => void

/** A logger whose methods take the fields first and the text second, as pino's do. */
export type FieldLogger = Readonly<Record<'debug' | 'info' | 'warn' | 'error', Write>>

/** The logger of the caller. */
interface GivenLogger extends FieldLogger {
  readonly child?: ((fields: Fields) => FieldLogger) | undefined
}

const packageName = { name: 'rke2-apiserver-resolver' }
const named = (fields: Fields): Fields => ({ ...packageName, ...fields })

/** Returns a logger that adds the name of the package to each entry. */
export function childLogger(logger: GivenLogger): FieldLogger {
  const child = childOf(logger)
  if (isWinston(logger)) return mapped(child ?? logger, (fields, text) => [{ message: text, ...named(fields) }])
  return child ?? mapped(logger, (fields, text) => [named(fields), text])
}

/** Returns no child if the logger cannot make one: bunyan refuses a child with a name. */
function childOf(logger: GivenLogger): FieldLogger | undefined {
  try {
    return logger.child?.(packageName)
  } catch {
    return undefined
  }
}

/** winston takes the text first, or one object with the text as `message`. */
const isWinston = (logger: object): boolean => 'transports' in logger && 'log' in logger

/** Returns a logger that calls the methods of another one with other arguments. */
function mapped(logger: FieldLogger, toArguments: (fields: Fields, text: string) => unknown[]): FieldLogger {
  const write = (level: keyof FieldLogger) => (fields: Fields, text: string) =>
    // As a method, because loggers use `this`.
    (logger as Record<string, (...args: unknown[]) => void>)[level]?.(...toArguments(fields, text))
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') }
}
