import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const command = fileURLToPath(new URL('../src/cli.ts', import.meta.url))

/** A line of the command's log that says why there is no list yet, or that there is one. */
export interface LogLine {
  /** The time of arrival, from `performance.now()`. */
  readonly at: number
  /** The reason for waiting, or `'resolved'`. */
  readonly reason: string
  readonly message: string
}

export interface Outcome {
  /** The exit code, or the signal that ended the process. */
  readonly exitCode: number | string
  /** The lines of stdout. */
  readonly addresses: readonly string[]
  /** The lines of stderr that are not part of the log; if there are none, the last message of the log. */
  readonly lastOutput: string
}

export interface Resolver extends AsyncDisposable {
  readonly outcome: Promise<Outcome>
}

/** Runs the command until it exits or is disposed of. */
export function startResolver(args: readonly string[], onLine: (line: LogLine) => void): Resolver {
  // The command reads ETCDCTL_* too. Those of the user's environment lead to another etcd.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('ETCDCTL_')))
  const child = spawn(process.execPath, [command, ...args], { stdio: ['ignore', 'pipe', 'pipe'], env })
  const addresses: string[] = []
  const otherLines: string[] = []
  let lastMessage = ''
  createInterface(child.stdout).on('line', (line) => addresses.push(line))
  createInterface(child.stderr).on('line', (line) => {
    const at = performance.now()
    const { reason, message } = parse(line) ?? {}
    if (message === undefined) otherLines.push(line)
    else lastMessage = message
    if (message !== undefined && reason !== undefined) onLine({ at, reason, message })
  })
  const outcome = once(child, 'close').then(([code, signal]) => ({
    exitCode: code ?? signal,
    addresses,
    lastOutput: otherLines.join('\n') || lastMessage,
  }))
  return {
    outcome,
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM')
      await outcome
    },
  }
}

/** Returns the message without its "waiting for …:" at the start, or `undefined` if the line is not part of the log. */
function parse(line: string): { reason: string | undefined; message: string } | undefined {
  try {
    const { reason, addresses, msg } = JSON.parse(line)
    return { reason: addresses ? 'resolved' : reason, message: msg.replace(/^(waiting for|no list yet)[^:]*: /, '') }
  } catch {
    return undefined
  }
}
