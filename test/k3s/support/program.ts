import { execFile, spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { promisify } from 'node:util'

const execFileAsync = promisify(execFile)

/** Runs a program to its end. Resolves with its stdout; rejects with its stderr if it fails. */
export async function run(file: string, ...args: string[]): Promise<string> {
  // Node 22 prints a warning that it strips types.
  const env = { ...process.env, NODE_NO_WARNINGS: '1' }
  const { stdout } = await execFileAsync(file, args, { env, maxBuffer: 64 * 1024 * 1024 })
  return stdout
}

/** Runs a program to its end. Resolves with all of its output, also if it fails. */
export async function output(file: string, ...args: string[]): Promise<string> {
  return execFileAsync(file, args).then(
    ({ stdout, stderr }) => stdout + stderr,
    (error: Error & { readonly stdout: string; readonly stderr: string }) => error.stdout + error.stderr,
  )
}

/** Starts a program that ends with the process of the tests, also when that is killed. */
export function start(
  commandLine: readonly string[],
  stdio: readonly ('pipe' | 'ignore' | 'inherit' | number)[],
  env: NodeJS.ProcessEnv = {},
): ChildProcess {
  const args = ['--pdeathsig', 'KILL', ...commandLine]
  return spawn('setpriv', args, { stdio: [...stdio], env: { ...process.env, NODE_NO_WARNINGS: '1', ...env } })
}

/** Sends a signal, and waits for the end of the process. */
export async function end(child: ChildProcess | undefined, signal: NodeJS.Signals): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
  const closed = once(child, 'close')
  child.kill(signal)
  await closed
}
