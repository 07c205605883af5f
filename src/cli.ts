#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { run } from './command.ts'

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
