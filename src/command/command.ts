import { EventEmitter } from 'node:events'
import { constants } from 'node:os'
import type { Writable } from 'node:stream'
import type { Logger } from 'pino'
import type { AddressChange, AddressList } from '../addresses/addresses.ts'
import { ApiserverAddressError } from '../errors.ts'
import type { ApiserverAddressEvents } from '../events.ts'
import type { WatchOptions } from '../options.ts'
import { printable } from '../util/text.ts'
import { readCommandLine, UsageError } from './arguments.ts'
import type { Request } from './arguments.ts'
import { help } from './flags.ts'
import { showOnTerminal } from './terminal.ts'
import type { Display } from './terminal.ts'

/** What a process gives to its command. */
export interface Process {
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  readonly stdout: Writable
  readonly stderr: Writable & { readonly isTTY?: boolean; readonly columns?: number }
  /** Aborted with the name of the signal that stops the process. */
  readonly signal: AbortSignal
  readonly version: () => string
  /** Loaded only when there is something to resolve. */
  readonly library: () => Promise<Library>
  readonly now: () => number
}

type Library = Pick<typeof import('../index.ts'), 'resolveApiserverAddresses'> & {
  readonly watchApiserverAddresses: (options: WatchOptions) => AsyncIterable<AddressChange>
}

const exitCodes = { REJECTED: 1, ATTEMPTS_EXHAUSTED: 1, CLOSED: 1, DEADLINE_EXCEEDED: 3 } as const

/** Does what the command line says, and gives the exit code. */
export async function run(process: Process): Promise<number> {
  const { args, env, stdout, stderr } = process
  // A reader that leaves is told by the write that fails; without a listener it would also be an uncaught error.
  for (const stream of [stdout, stderr]) stream.on('error', () => {})
  const complain = (text: string) => stderr.write(`rke2-apiserver-resolver: ${printable(text)}\n`)
  try {
    const request = readCommandLine(args, env)
    if (typeof request === 'object') return await printAddresses(request, process)
    await print(stdout, request === 'help' ? help.trimEnd() : process.version())
    return 0
  } catch (error) {
    if (error instanceof UsageError) {
      complain(`${printable(error.message).slice(0, 400).toWellFormed()} (see --help)`)
      return 2
    }
    if (!(error instanceof OutputError)) throw error
    // "| head -1" has what it wants.
    if (error.code === 'EPIPE') return 0
    complain(error.message)
    return 1
  }
}

async function printAddresses({ options, watch, json, logLevel, explain }: Request, process: Process): Promise<number> {
  const { env, stdout, stderr, signal, library, now } = process
  const events = new EventEmitter<ApiserverAddressEvents>()
  const live = stderr.isTTY === true && env['TERM'] !== 'dumb' && logLevel === undefined
  const display = live ? showOnTerminal(events, stderr, now) : undefined
  let listed = false
  const printList = async (list: AddressList, separator: string) => {
    display?.clear()
    await print(stdout, json ? JSON.stringify(list) : list.addresses.join(separator))
    listed = true
  }
  try {
    const logger = display === undefined ? await createLogger(logLevel, stderr) : warningsAbout(display)
    const { resolveApiserverAddresses, watchApiserverAddresses } = await library()
    const all: WatchOptions = { ...options, signal, events, logger }
    if (watch) for await (const change of watchApiserverAddresses(all)) await printList(change, ' ')
    else await printList(await resolveApiserverAddresses(all), '\n')
  } catch (error) {
    if (error instanceof ApiserverAddressError) return exitCodes[error.code]
    if (!signal.aborted || error !== signal.reason) throw explain(error)
  } finally {
    display?.close()
  }
  return listed ? 0 : 128 + constants.signals[signal.reason as NodeJS.Signals]
}

/** JSON lines that people can read too: levels in words, times in ISO 8601. Who collects them knows process and host. */
async function createLogger(level = 'info', stream: Writable): Promise<Logger> {
  const { pino } = await import('pino')
  const formatters = { level: (label: string) => ({ level: label }) }
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime, formatters }, stream)
}

/** On a terminal all events are shown, and of the log what is no event: that a key file is open to others. */
function warningsAbout(display: Display): Logger {
  const none = () => {}
  const warn = (details: object, text: string) => void ('file' in details && display.print(text))
  const logger = { child: () => logger, debug: none, info: none, warn, error: none }
  return logger as unknown as Logger
}

/** The result could not be written. */
class OutputError extends Error {
  readonly code: string | undefined
  constructor(cause: NodeJS.ErrnoException) {
    super(`cannot write to stdout: ${cause.message}`, { cause })
    this.code = cause.code
  }
}

function print(stream: Writable, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(`${text}\n`, (error) => (error ? reject(new OutputError(error)) : resolve()))
  })
}
