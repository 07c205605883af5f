#!/usr/bin/env node
import { existsSync, fstatSync, mkdirSync, readFileSync } from 'node:fs'
// Imported as a whole, because a named import of a function that an old Node does not have would fail at once.
import nodeModule from 'node:module'
import { constants, userInfo } from 'node:os'
import { join } from 'node:path'
import { isatty } from 'node:tty'

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
// For a program that is started, without the change below.
const env = { ...process.env }
// grpc-js would write lines of its own to stderr, such as one for pings that come too often. The events have it all.
process.env['GRPC_VERBOSITY'] ??= 'NONE'
const { run } = await import('./command/command.ts')

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
  version: () => JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version,
  library: () => import('./index.ts'),
  now: () => performance.now(),
})

leaveSignals()
// A file system or a DNS server that does not answer never ends a read or a look-up, and Node waits for both, also in
// process.exit().
const neverEnding = new Set(['FSReqPromise', 'GetAddrInfoReqWrap'])
const killIfHeld = () => {
  if (process.getActiveResourcesInfo().some((resource) => neverEnding.has(resource))) {
    process.kill(process.pid, 'SIGKILL')
  }
}
setTimeout(killIfHeld, 1000).unref()

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
  const isSentByTerminal = (signal: NodeJS.Signals) => isatty(0) && terminalSignals.some((name) => name === signal)
  listen(passedSignals, (signal) => {
    if (!isSentByTerminal(signal)) receive(signal)
  })
  if (controller.signal.aborted) receive(controller.signal.reason)
}

/**
 * Keeps compiled code for the next start, which is then a fifth faster. The directory is in the home of the user as the
 * system knows it. In /tmp, which is Node's default, or in a home that the environment names, others could place code
 * that root would run.
 */
function enableCompileCache(): void {
  const parent = join(userInfo().homedir, '.cache')
  const folder = join(parent, 'rke2-apiserver-resolver')
  for (const path of [parent, folder]) if (!existsSync(path)) mkdirSync(path, { mode: 0o700 })
  nodeModule.enableCompileCache(folder)
}
