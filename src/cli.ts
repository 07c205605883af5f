#!/usr/bin/env node
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
// Not by name: where Node is too old to have the compile cache, nothing of this file would run.
import nodeModule from 'node:module'
import { userInfo } from 'node:os'
import { join } from 'node:path'

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major < 22 || (major === 22 && minor < 12)) {
  console.error(`rke2-apiserver-resolver: Node 22.12 or later is needed, and this is ${process.versions.node}`)
  process.exit(1)
}

try {
  keepCompiledCode()
} catch {
  // Without a home, or where it cannot be written, every start compiles anew.
}
const { run } = await import('./command/command.ts')

const controller = new AbortController()
// The first signal ends the waiting. The second finds no listener and ends the process, even one that hangs.
const stop = (signal: NodeJS.Signals) => {
  process.off('SIGINT', stop).off('SIGTERM', stop)
  controller.abort(signal)
}
process.on('SIGINT', stop).on('SIGTERM', stop)

// Not process.exit(): what was written to a pipe would be cut off.
process.exitCode = await run({
  args: process.argv.slice(2),
  env: process.env,
  stdout: process.stdout,
  stderr: process.stderr,
  signal: controller.signal,
  version: () => JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version,
  library: () => import('./index.ts'),
  now: () => performance.now(),
})

// A read of a file system that is gone never ends, and Node waits for it, in process.exit() too.
const end = () => process.getActiveResourcesInfo().includes('FSReqPromise') && process.kill(process.pid, 'SIGKILL')
setTimeout(end, 1000).unref()

/**
 * Node keeps compiled code for the next start, which is a fifth faster. In the user's own home, as the system knows it:
 * in /tmp, where Node would put it, or in a home that the environment names, others could leave code for root to run.
 */
function keepCompiledCode(): void {
  const cache = join(userInfo().homedir, '.cache')
  const ours = join(cache, 'rke2-apiserver-resolver')
  for (const folder of [cache, ours]) if (!existsSync(folder)) mkdirSync(folder, { mode: 0o700 })
  nodeModule.enableCompileCache(ours)
}
