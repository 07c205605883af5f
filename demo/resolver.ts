import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const command = fileURLToPath(new URL('../src/cli.ts', import.meta.url))

/** A line of the command's log that says why there is no list yet, or that there is one. */
export interface Sight {
  /** When it came, by `performance.now()`. */
  readonly at: number
  /** The reason for waiting, or `'resolved'`. */
  readonly reason: string
  readonly message: string
}

export interface Outcome {
  /** Or the signal that ended it. */
  readonly exitCode: number | string
  /** The lines of stdout. */
  readonly addresses: readonly string[]
  /** What stderr had beside the log, or else the end of the log. */
  readonly lastWords: string
}

export interface Resolver extends AsyncDisposable {
  readonly outcome: Promise<Outcome>
}

/** Runs the command as a user does, until it ends or is disposed of. */
export function startResolver(args: readonly string[], onSight: (sight: Sight) => void): Resolver {
  // etcdctl's settings are the command's, too: those of whoever runs the demo lead to another etcd.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('ETCDCTL_')))
  const child = spawn(process.execPath, [command, ...args], { stdio: ['ignore', 'pipe', 'pipe'], env })
  const addresses: string[] = []
  const complaints: string[] = []
  let lastMessage = ''
  createInterface(child.stdout).on('line', (line) => addresses.push(line))
  createInterface(child.stderr).on('line', (line) => {
    const at = performance.now()
    const { reason, message } = parse(line) ?? {}
    if (message === undefined) complaints.push(line)
    else lastMessage = message
    if (message !== undefined && reason !== undefined) onSight({ at, reason, message })
  })
  const outcome = once(child, 'close').then(([code, signal]) => ({
    exitCode: code ?? signal,
    addresses,
    lastWords: complaints.join('\n') || lastMessage,
  }))
  return {
    outcome,
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM')
      await outcome
    },
  }
}

/** What a line of the log says, without the words before the reason's own; `undefined` if it is none of the log's. */
function parse(line: string): { reason: string | undefined; message: string } | undefined {
  try {
    const { reason, addresses, msg } = JSON.parse(line)
    return { reason: addresses ? 'resolved' : reason, message: msg.replace(/^(waiting for|no list yet)[^:]*: /, '') }
  } catch {
    return undefined
  }
}
