import { EventEmitter } from 'node:events'
import { constants } from 'node:os'
import type { Writable } from 'node:stream'
import type { AddressChange, AddressList } from '../addresses/list.ts'
import { ApiserverAddressError } from '../errors.ts'
import type { ApiserverAddressEvents } from '../events.ts'
import type { ResolveOptions, WatchOptions } from '../options.ts'
import { printable } from '../util/text.ts'
import { readCommandLine } from './arguments.ts'
import type { Request } from './arguments.ts'
import { help } from './help.ts'
import { createJsonLogger, createTerminalLogger } from './logger.ts'
import { OutputError, print } from './output.ts'
import { Terminal } from './terminal.ts'
import { UsageError } from './usage-error.ts'

/** The parts of a process that the command uses. */
export interface Process {
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  readonly stdout: Writable
  readonly stderr: Writable & { readonly isTTY?: boolean; readonly columns?: number }
  /** Aborted with the name of the signal that stops the process. */
  readonly signal: AbortSignal
  readonly version: () => string
  /** Loads the library. It is called only when there is a list to wait for. */
  readonly library: () => Promise<Library>
  readonly now: () => number
}

type Library = Pick<typeof import('../index.ts'), 'resolveApiserverAddresses'> & {
  readonly watchApiserverAddresses: (options: WatchOptions) => AsyncIterable<AddressChange>
}

const exitCodes = { REJECTED: 1, ATTEMPTS_EXHAUSTED: 1, CLOSED: 1, DEADLINE_EXCEEDED: 3 } as const

/** Runs the command, and returns its exit code. */
export async function run(process: Process): Promise<number> {
  const { args, env, stdout, stderr } = process
  // A write that fails is reported by its callback. Without a listener, it would be an uncaught exception, too.
  for (const stream of [stdout, stderr]) stream.on('error', () => {})
  try {
    const request = readCommandLine(args, env)
    if (typeof request === 'object') return await printAddresses(request, process)
    await print(stdout, request === 'help' ? help.trimEnd() : process.version())
    return 0
  } catch (error) {
    return exitCodeOf(error, stderr)
  }
}

/** Writes what is wrong to stderr. An error that is neither a usage error nor an output error is a defect. */
function exitCodeOf(error: unknown, stderr: Writable): number {
  const complain = (text: string) => stderr.write(`rke2-apiserver-resolver: ${printable(text)}\n`)
  if (error instanceof UsageError) {
    complain(`${printable(error.message).slice(0, 400).toWellFormed()} (see --help)`)
    return 2
  }
  if (!(error instanceof OutputError)) throw error
  // The reader of the pipe has left because it has what it needs, such as `head -1`.
  if (error.code === 'EPIPE') return 0
  complain(error.message)
  return 1
}

async function printAddresses({ options, watch, json, logLevel, explain }: Request, process: Process): Promise<number> {
  const { env, stdout, stderr, signal, library, now } = process
  const events = new EventEmitter<ApiserverAddressEvents>()
  const isLive = stderr.isTTY === true && env['TERM'] !== 'dumb' && logLevel === undefined
  const terminal = isLive ? new Terminal(events, stderr, now) : undefined
  let hasPrinted = false
  const printList = async (list: AddressList, separator: string) => {
    terminal?.clear()
    await print(stdout, json ? JSON.stringify(list) : list.addresses.join(separator))
    hasPrinted = true
  }
  try {
    const logger = await (terminal ? createTerminalLogger(terminal) : createJsonLogger(stderr, logLevel))
    const { resolveApiserverAddresses, watchApiserverAddresses } = await library()
    const all: WatchOptions = { ...options, signal, events, logger }
    if (watch) for await (const change of watchApiserverAddresses(all)) await printList(change, ' ')
    else await printList(await resolveApiserverAddresses(all as ResolveOptions), '\n')
  } catch (error) {
    if (error instanceof ApiserverAddressError) return exitCodes[error.code]
    if (!signal.aborted || error !== signal.reason) throw explain(error)
  } finally {
    terminal?.close()
  }
  return hasPrinted ? 0 : 128 + constants.signals[signal.reason as NodeJS.Signals]
}
