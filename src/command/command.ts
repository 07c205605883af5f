import { constants } from 'node:os'
import type { AddressList } from '../addresses/list.ts'
import { ApiserverAddressError } from '../errors.ts'
import type { ResolveOptions, WatchOptions } from '../options.ts'
import { printable } from '../util/text.ts'
import { readCommandLine } from './arguments.ts'
import type { Request } from './arguments.ts'
import { withGrace } from './grace.ts'
import { help } from './help.ts'
import { isJournal, priorityPrefix } from './journal.ts'
import { OutputFile } from './output-file.ts'
import { OutputError, print } from './output.ts'
import type { Process } from './process.ts'
import { listVariables, runProgram } from './program.ts'
import { createProgress } from './progress.ts'
import { UsageError } from './usage-error.ts'

const exitCodes = { REJECTED: 1, ATTEMPTS_EXHAUSTED: 1, CLOSED: 1, DEADLINE_EXCEEDED: 3 } as const

/** Runs the command, and returns its exit code. */
export async function run(process: Process): Promise<number> {
  const { args, env, stdout, stderr, stderrId, signal } = process
  // A write that fails is reported by its callback. Without a listener, it would be an uncaught exception, too.
  for (const stream of [stdout, stderr]) stream.on('error', () => {})
  const complain = (text: string) => {
    const prefix = isJournal(env, stderrId) ? priorityPrefix('error') : ''
    stderr.write(`${prefix}rke2-apiserver-resolver: ${printable(text)}\n`)
  }
  try {
    const request = readCommandLine(args, env)
    if (typeof request === 'object') return await handle(request, process, complain)
    await withGrace(print(stdout, request === 'help' ? help.trimEnd() : process.version()), signal)
    return 0
  } catch (error) {
    return isReason(error, signal) ? stoppedBy(signal) : exitCodeOf(error, complain)
  }
}

const isReason = (error: unknown, signal: AbortSignal) => signal.aborted && error === signal.reason

/** Returns the exit code after a signal that came before the result was printed. */
const stoppedBy = (signal: AbortSignal) => 128 + constants.signals[signal.reason as NodeJS.Signals]

/** Reports what is wrong. An error that is neither a usage error nor an output error is a defect. */
function exitCodeOf(error: unknown, complain: (text: string) => void): number {
  if (error instanceof UsageError) {
    complain(`${error.message.slice(0, 400)} (see --help)`)
    return 2
  }
  if (!(error instanceof OutputError)) throw error
  // The reader of the pipe has left because it has what it needs, such as `head -1`.
  if (error.code === 'EPIPE') return 0
  complain(error.message)
  return 1
}

/** Waits for the list, writes it, and starts the program if there is one. */
async function handle(request: Request, process: Process, complain: (text: string) => void): Promise<number> {
  const { program, explain } = request
  const { signal, env, signals } = process
  let list: AddressList | undefined
  try {
    for await (const written of writeLists(request, process)) list = written
  } catch (error) {
    if (error instanceof ApiserverAddressError) return exitCodes[error.code]
    if (!isReason(error, signal)) throw explain(error)
  }
  if (list === undefined) return stoppedBy(signal)
  return program === undefined ? 0 : runProgram(program, { ...env, ...listVariables(list) }, signals, complain)
}

/** Yields each list when it has been written. */
async function* writeLists(request: Request, process: Process): AsyncGenerator<AddressList, void> {
  const { options, watch, json, output, program } = request
  const { stdout, signal, library } = process
  const file = output === undefined ? undefined : new OutputFile(output)
  await file?.check(signal)
  const progress = await createProgress(request, process)
  const write = async (list: AddressList) => {
    progress.clear()
    const text = (separator: string) => (json ? JSON.stringify(list) : list.addresses.join(separator))
    if (file !== undefined) await file.write(`${text('\n')}\n`, signal)
    // The program has stdout for itself.
    else if (program === undefined) await withGrace(print(stdout, text(watch ? ' ' : '\n')), signal)
    return list
  }
  try {
    const { resolveApiserverAddresses, watchApiserverAddresses } = await library()
    const all: WatchOptions = { ...options, signal, events: progress.events, logger: progress.logger }
    if (!watch) yield await write(await resolveApiserverAddresses(all as ResolveOptions))
    else for await (const change of watchApiserverAddresses(all)) yield await write(change)
  } finally {
    progress.close()
  }
}
