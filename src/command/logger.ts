import type { Writable } from 'node:stream'
import type { Logger } from 'pino'
import type { Terminal } from './terminal.ts'

/** Returns a logger that writes JSON lines, with the level as a word, and the time in ISO 8601. */
export async function createJsonLogger(stream: Writable, level = 'info'): Promise<Logger> {
  // Loaded only here, because it takes long to load.
  const { pino } = await import('pino')
  const formatters = { level: (label: string) => ({ level: label }) }
  // Without process and host: the service that collects the lines adds them.
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime, formatters }, stream)
}

/**
 * Returns a logger that prints a warning about a file, such as a client key that others can read. The terminal already
 * shows the events, which are everything else that is logged.
 */
export function createTerminalLogger(terminal: Pick<Terminal, 'print'>): Logger {
  const ignore = () => {}
  const warn = (details: object, text: string) => {
    if ('file' in details) terminal.print(text)
  }
  const logger = { child: () => logger, debug: ignore, info: ignore, warn, error: ignore }
  return logger as unknown as Logger
}
