import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../support/folder.ts'

const root = join(import.meta.dirname, '..', '..')

/** Lints one file with the project's rules, and returns what the linter prints. */
async function lint(file: string, text: string): Promise<string> {
  const folder = temporaryFolder()
  cpSync(join(root, '.oxlintrc.json'), join(folder, '.oxlintrc.json'))
  mkdirSync(dirname(join(folder, file)), { recursive: true })
  writeFileSync(join(folder, file), text)
  return new Promise((resolve) => {
    execFile(join(root, 'node_modules/.bin/oxlint'), [], { cwd: folder }, (_error, stdout) => resolve(stdout))
  })
}

test.each([
  ['src/util/a.ts', '../rke2.ts'],
  ['src/rke2.ts', './addresses/list.ts'],
  ['src/addresses/a.ts', '../errors.ts'],
  ['src/events.ts', './sources/failure.ts'],
  ['src/sources/a.ts', '../probe/prober.ts'],
  ['src/sources/etcd/a.ts', '../../call/call.ts'],
  ['src/probe/a.ts', '../call/call.ts'],
  ['src/probe/a.ts', '../sources/etcd/connection.ts'],
  ['src/call/a.ts', '../sources/etcd/connection.ts'],
  ['src/call/a.ts', '../resolve.ts'],
  ['src/resolve.ts', './command/command.ts'],
  ['src/index.ts', './command/command.ts'],
  ['src/index.ts', './testing.ts'],
  ['src/call/a.ts', '../testing/store.ts'],
  ['src/testing/a.ts', '../testing.ts'],
  ['src/testing.ts', './command/command.ts'],
  ['src/command/a.ts', '../cli.ts'],
  ['src/loading/a.ts', '../index.ts'],
  ['src/watch.ts', './loading/late-watch.ts'],
])('the linter refuses an import that goes up, from %s to %s', async (file, imported) => {
  expect(await lint(file, `export { a } from '${imported}'\n`)).toContain('no-restricted-imports')
})

test.each([
  ['src/util/a.ts', './b.ts'],
  ['src/sources/etcd/a.ts', '../failure.ts'],
  ['src/sources/etcd/a.ts', '../../errors.ts'],
  ['src/call/a.ts', '../sources/source.ts'],
  ['src/resolve.ts', './sources/etcd/etcd-source.ts'],
  ['src/command/a.ts', '../index.ts'],
  ['src/testing.ts', './testing/store.ts'],
  ['src/main.ts', './loading/load-on-call.ts'],
  ['src/loading/a.ts', '../call/defaults.ts'],
  ['src/testing/a.ts', '../watch.ts'],
])('the linter accepts an import that goes down or stays in its folder, from %s to %s', async (file, imported) => {
  expect(await lint(file, `export { a } from '${imported}'\n`)).not.toContain('no-restricted-imports')
})
