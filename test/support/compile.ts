import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect } from 'vitest'

const tsc = join(import.meta.dirname, '..', '..', 'node_modules', '.bin', 'tsc')

/** Fails, with what the compiler says, unless it accepts the files as a strict program of somebody else. */
export async function expectToCompile(folder: string, files: readonly string[], ...more: string[]): Promise<void> {
  const options = ['--noEmit', '--strict', '--target', 'es2023', '--lib', 'es2023,esnext.disposable', '--types', 'node']
  const given = [...options, '--ignoreConfig', ...more, ...files]
  await promisify(execFile)(tsc, given, { cwd: folder }).catch(({ stdout }) => expect.fail(stdout))
}
