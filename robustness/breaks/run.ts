// Usage: sh test/engine/with-etcd.sh node robustness/breaks/run.ts [--minutes N] [--seed N] [part of a description]...
// Breaks the library in one way after the other, and runs a campaign on each copy. Prints a table of the violations that
// were found, and fails if a break was not found. The source kubernetes needs what `npm run campaign` needs for it.
import { spawn } from 'node:child_process'
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative, sep } from 'node:path'
import { text } from 'node:stream/consumers'
import { parseArgs } from 'node:util'
import type { Break } from './break.ts'
import { breaks } from './breaks.ts'

const root = join(import.meta.dirname, '../..')
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { minutes: { type: 'string', default: '2' }, seed: { type: 'string', default: '1' } },
})

/** For the servers to start and to end, and for a violation that ends a campaign late. */
const graceMs = 240_000

console.log('| what is broken | source | what the campaign says |')
console.log('| -------------- | ------ | ---------------------- |')
for (const each of breaks) {
  if (positionals.length > 0 && !positionals.some((part) => each.what.includes(part))) continue
  const found = await findViolation(each)
  const { what, source = 'etcd', violation } = each
  console.log(`| ${what} | ${source} | ${found.replaceAll('|', '/')} |`)
  if (!violation.test(found)) process.exitCode = 1
}

/** Returns the first violation of a campaign on a copy of the code that is broken. */
async function findViolation({ file, code, broken, source }: Break): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'rke2-apiserver-resolver.break.'))
  try {
    await copyCode(folder)
    const path = join(folder, 'src', file)
    const original = await readFile(path, 'utf8')
    await writeFile(
      path,
      original.replace(code, () => broken),
    )
    const flags = ['--source', source ?? 'etcd', '--minutes', values.minutes, '--seed', values.seed]
    const child = spawn(process.execPath, ['robustness/run.ts', ...flags], {
      cwd: folder,
      stdio: ['ignore', 'ignore', 'pipe'],
      timeout: Number(values.minutes) * 60_000 + graceMs,
    })
    const output = await text(child.stderr)
    return /^Failed \([^)]*\): (.*)$/m.exec(output)?.[1]?.slice(0, 160) ?? 'NOTHING'
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function copyCode(folder: string): Promise<void> {
  const isCode = (path: string) =>
    !/^(node_modules|dist|release|coverage|docs|\.git|\.cache)$/.test(relative(root, path).split(sep)[0]!)
  await cp(root, folder, { recursive: true, filter: isCode })
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'))
}
