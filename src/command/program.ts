import { constants } from 'node:os'
import type { AddressList } from '../addresses/list.ts'

/** The signals that the process gets. */
export interface Signals {
  /** From now on calls `receive` for every signal, at once for one that has come already, and has no other effect. */
  passOn(receive: (signal: NodeJS.Signals) => void): void
}

/** Returns the variables in which a program finds the list. */
export const listVariables = ({ addresses, urls }: AddressList): Readonly<Record<string, string>> => ({
  APISERVER_ADDRESSES: addresses.join(','),
  APISERVER_URLS: urls.join(','),
})

/**
 * Runs a program with the same stdin, stdout and stderr, and passes signals on to it. Node cannot replace this process by
 * the program.
 *
 * @param fail writes why the program cannot be started
 * @returns the exit code: that of the program, or as a shell has it: 128 and the number of the signal that ended the
 * program, 127 if it is not found, and 126 if it cannot be run
 */
export function runProgram(
  [file = '', ...args]: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  signals: Signals,
  fail: (message: string) => void,
): Promise<number> {
  // Loaded only here, because it takes long to load.
  const { spawn } = process.getBuiltinModule('node:child_process')
  // Until the program runs, signals wait here. The listeners come first, so that none is lost.
  const waiting: NodeJS.Signals[] = []
  let deliver = (signal: NodeJS.Signals): void => void waiting.push(signal)
  signals.passOn((signal) => deliver(signal))
  return new Promise((resolve) => {
    const refuse = (error: NodeJS.ErrnoException) => {
      fail(`cannot start ${file}: ${error.code === 'ENOENT' ? 'no such program' : error.message}`)
      resolve(error.code === 'ENOENT' ? 127 : 126)
    }
    let child
    try {
      child = spawn(file, args, { stdio: 'inherit', env })
    } catch (error) {
      // Node throws some of the system's errors, and emits others.
      return refuse(error as NodeJS.ErrnoException)
    }
    child.on('spawn', () => {
      deliver = (signal) => void child.kill(signal)
      for (const signal of waiting) deliver(signal)
    })
    child.on('exit', (code, signal) => resolve(code ?? 128 + constants.signals[signal as NodeJS.Signals]))
    child.on('error', (error: NodeJS.ErrnoException) => {
      // A signal that could not be sent is such an error, too.
      if (child.pid === undefined) refuse(error)
    })
  })
}
