import { EventEmitter } from 'node:events'
import type { ApiserverAddressEvents } from '../events.ts'
import type { Logger } from '../options.ts'
import type { Request } from './arguments.ts'
import { isJournal } from './journal.ts'
import { createJsonLogger, createTerminalLogger } from './logger.ts'
import type { Process } from './process.ts'
import { Terminal } from './terminal.ts'
import { createTextLogger } from './text-logger.ts'

/** What shows the progress of a call on stderr: its events, its log, or both. */
export interface Progress {
  readonly events: EventEmitter<ApiserverAddressEvents>
  readonly logger: Logger
  /** Makes room for something else that is printed. */
  readonly clear: () => void
  readonly close: () => void
}

/** Chooses how the progress is shown: the live line of a terminal, or lines of text or JSON. */
export async function createProgress({ logFormat, logLevel }: Request, process: Process): Promise<Progress> {
  const { env, stderr, stderrId, now } = process
  const events = new EventEmitter<ApiserverAddressEvents>()
  const isLive = logFormat === 'auto' && stderr.isTTY === true && env['TERM'] !== 'dumb' && logLevel === undefined
  if (isLive) {
    const terminal = new Terminal(events, stderr, now)
    const logger = createTerminalLogger(terminal)
    return { events, logger, clear: () => terminal.clear(), close: () => terminal.close() }
  }
  const isForJournal = isJournal(env, stderrId)
  const isText = logFormat === 'text' || (logFormat === 'auto' && isForJournal)
  const logger = isText ? createTextLogger(stderr, logLevel, isForJournal) : await createJsonLogger(stderr, logLevel)
  return { events, logger, clear() {}, close() {} }
}
