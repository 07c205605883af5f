import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect } from 'vitest'
import manifest from '../../package.json' with { type: 'json' }
import { root } from './documents.ts'

/** The compilers that must accept what users write, by their versions. The first one is that of the project. */
export const compilers: Readonly<Record<string, string>> = {
  [manifest.devDependencies.typescript]: 'node_modules/typescript',
  // The compiler of the API report.
  '6.0': 'docs/node_modules/typescript',
  '5.9': 'node_modules/typescript-5.9',
  '5.6': 'node_modules/typescript-5.6',
}

/** Returns what the compiler says about the files as a strict program of somebody else; nothing if it accepts them. */
export async function compile(
  version: string,
  folder: string,
  files: readonly string[],
  ...more: string[]
): Promise<string> {
  const tsc = join(root, compilers[version] ?? '', 'bin', 'tsc')
  const options = ['--noEmit', '--strict', '--target', 'es2023', '--lib', 'es2023,esnext.disposable', '--types', 'node']
  // Older compilers ignore a tsconfig.json anyway when files are given, and do not know the flag.
  const ignoreConfig = version.startsWith('5') ? [] : ['--ignoreConfig']
  const args = [tsc, ...options, ...ignoreConfig, ...more, ...files]
  return promisify(execFile)(process.execPath, args, { cwd: folder }).then(
    () => '',
    ({ stdout, stderr }: { stdout: string; stderr: string }) => stdout + stderr,
  )
}

/** Fails, with what the compiler of the project says, unless it accepts the files. */
export async function expectToCompile(folder: string, files: readonly string[], ...more: string[]): Promise<void> {
  expect(await compile(manifest.devDependencies.typescript, folder, files, ...more)).toBe('')
}
