#!/usr/bin/env node
import { closeSync, fstatSync } from 'node:fs'
import { constants } from 'node:os'
import { isatty } from 'node:tty'
import { enableCompileCache, readVersion } from './installation.ts'

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major < 22 || (major === 22 && minor < 12)) {
  console.error(`rke2-apiserver-resolver: Node 22.12 or later is needed, and this is ${process.versions.node}`)
  process.exit(1)
}

try {
  enableCompileCache()
} catch {
  // Without a home directory, or if it cannot be written, every start compiles again.
}
// The environment of COMMAND: copied before GRPC_VERBOSITY is set below.
const env = { ...process.env }
// grpc-js would write lines of its own to stderr, such as one for pings that come too often. The events have it all.
process.env['GRPC_VERBOSITY'] ??= 'NONE'

const stopSignals = ['SIGINT', 'SIGTERM'] as const
// A terminal sends these to all processes in the foreground. A program that is started gets them without this process.
const terminalSignals = ['SIGINT', 'SIGQUIT', 'SIGWINCH'] as const
const passedSignals = ['SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2', ...terminalSignals] as const

type Listener = (signal: NodeJS.Signals) => void

const controller = new AbortController()
let listener: Listener | undefined
// The first signal ends the wait. The second one finds no listener, so that it ends a process that hangs, too.
listen(stopSignals, (signal) => {
  leaveSignals()
  controller.abort(signal)
})

// Not `await` at the top level, which the build for a single file cannot have, because that file is CommonJS.
void main()

async function main(): Promise<void> {
  // If nothing keeps the process alive before there is a result, the end is not a success.
  process.exitCode = 1
  const { run } = await import('./command/command.ts')
  // Not process.exit(), which would cut off the output to a pipe.
  process.exitCode = await run({
    args: process.argv.slice(2),
    env,
    stdout: process.stdout,
    stderr: process.stderr,
    stderrId() {
      const { dev, ino } = fstatSync(2, { bigint: true })
      return `${dev}:${ino}`
    },
    signal: controller.signal,
    signals: { passOn },
    version: readVersion,
    library: () => import('./index.ts'),
    now: () => Number(process.hrtime.bigint()) / 1e6,
  })

  leaveSignals()
  setTimeout(endIfHeld, 800).unref()
}

/** Ends the process if a request that may never end still keeps it alive. */
function endIfHeld(): void {
  // A file system or a DNS server does not answer. Node waits for both, also in process.exit().
  const neverEnding = new Set(['FSReqPromise', 'GetAddrInfoReqWrap'])
  if (process.getActiveResourcesInfo().some((resource) => neverEnding.has(resource))) {
    // The kernel ignores a SIGKILL that the first process of a container sends to itself.
    if (process.pid === 1) abortSilently()
    process.kill(process.pid, 'SIGKILL')
  }
  // The reader of a full pipe has stopped, so that the rest is lost.
  if (process.stdout.writableLength > 0 || process.stderr.writableLength > 0) process.exit()
}

/** Ends the process as a crash does, without the stack trace that Node prints to stderr. */
function abortSilently(): never {
  closeSync(2)
  return process.abort()
}

/** Listens to these signals, and no longer to those before. */
function listen(names: readonly NodeJS.Signals[], next: Listener): void {
  for (const name of passedSignals) if (listener !== undefined) process.off(name, listener)
  listener = next
  for (const name of names) process.on(name, listener)
}

/** From now on a signal ends the process, as it does without a listener. */
function leaveSignals(): void {
  // The first process of a container ignores a signal without a listener.
  listen(process.pid === 1 ? stopSignals : [], (signal) => process.exit(128 + constants.signals[signal]))
}

/** From now on a signal goes to `receive`, also the one that has come already. */
function passOn(receive: Listener): void {
  // Not only stdin, which may be a file. Such a signal from another process is not passed on, because it looks the same.
  const isAtTerminal = () => [0, 1, 2].some((fd) => isatty(fd))
  const isSentByTerminal = (signal: NodeJS.Signals) => isAtTerminal() && terminalSignals.some((name) => name === signal)
  listen(passedSignals, (signal) => {
    if (!isSentByTerminal(signal)) receive(signal)
  })
  if (controller.signal.aborted) receive(controller.signal.reason)
}
