import { existsSync, mkdirSync, readFileSync } from 'node:fs'
// Imported as a whole, because a named import of a function that an old Node does not have would fail at once.
import nodeModule from 'node:module'
import { userInfo } from 'node:os'
import { join } from 'node:path'

/** Returns the version of this package, which has its `package.json` beside its code. */
export function readVersion(): string {
  return JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version
}

/**
 * Keeps compiled code for the next start, which is then a fifth faster. The directory is in the home of the user as the
 * system knows it. In /tmp, which is Node's default, or in a home that the environment names, others could place code
 * that root would run.
 */
export function enableCompileCache(): void {
  const parent = join(userInfo().homedir, '.cache')
  const folder = join(parent, 'rke2-apiserver-resolver')
  for (const path of [parent, folder]) if (!existsSync(path)) mkdirSync(path, { mode: 0o700 })
  nodeModule.enableCompileCache(folder)
}
