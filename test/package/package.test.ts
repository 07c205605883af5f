import { execFile, execFileSync } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { test as base, expect } from 'vitest'
import { expectToCompile } from '../support/compile.ts'
import { codeBlocks, read } from '../support/documents.ts'
import { temporaryFolder } from '../support/folder.ts'

const root = join(import.meta.dirname, '../..')
const run = promisify(execFile)

const bundledPackages = () => readFileSync(join(root, 'dist/THIRD-PARTY-LICENSES'), 'utf8')

/** An empty project with the packed package and its dependencies installed. */
const test = base.extend('project', { scope: 'file' }, async ({}, { onCleanup }) => {
  const project = mkdtempSync(join(tmpdir(), 'package-'))
  onCleanup(() => rmSync(project, { recursive: true }))
  const modules = join(project, 'node_modules')
  mkdirSync(join(modules, '@types'), { recursive: true })
  for (const name of ['@grpc', 'pino', '@types/node', 'undici-types']) {
    symlinkSync(join(root, 'node_modules', name), join(modules, name))
  }
  execFileSync('npm', ['pack', '--ignore-scripts', '--pack-destination', project], { cwd: root, stdio: 'pipe' })
  const [tarball = ''] = readdirSync(project).filter((name) => name.endsWith('.tgz'))
  execFileSync('tar', ['-xzf', join(project, tarball), '-C', project])
  execFileSync('mv', [join(project, 'package'), join(modules, 'rke2-apiserver-resolver')])
  writeFileSync(join(project, 'package.json'), '{ "type": "module" }')
  return project
})

test('the published package can be imported by an ES module', async ({ project }) => {
  writeFileSync(
    join(project, 'a.mjs'),
    `import * as all from 'rke2-apiserver-resolver'; console.log(Object.keys(all).join())`,
  )
  const { stdout, stderr } = await run(process.execPath, ['a.mjs'], { cwd: project })
  expect(stdout).toBe('ApiserverAddressError,resolveApiserverAddresses,watchApiserverAddresses\n')
  expect(stderr).toBe('')
})

test('the published package can be required by a CommonJS module', async ({ project }) => {
  writeFileSync(
    join(project, 'a.cjs'),
    `require('rke2-apiserver-resolver').resolveApiserverAddresses({ minAddresses: 0 }).catch((error) => console.log(error.message))`,
  )
  const { stdout } = await run(process.execPath, ['a.cjs'], { cwd: project })
  expect(stdout).toBe('Option "minAddresses" must be a whole number of at least 1, got 0\n')
})

test.for(['nodenext', 'bundler'])(
  'the published package has types for TypeScript with %s resolution',
  async (resolution, { project }) => {
    writeFileSync(
      join(project, 'a.ts'),
      `import { EventEmitter } from 'node:events'
       import { pino } from 'pino'
       import { ApiserverAddressError, resolveApiserverAddresses, watchApiserverAddresses } from 'rke2-apiserver-resolver'
       import type { ApiserverAddressEvents, Reason, WatchApiserverAddresses } from 'rke2-apiserver-resolver'
       import { createFakeApiservers } from 'rke2-apiserver-resolver/testing'
       const events = new EventEmitter<ApiserverAddressEvents>()
       events.on('phase', ({ reason, elapsedMs }) => console.log(reason satisfies Reason, elapsedMs.toFixed()))
       const list = await resolveApiserverAddresses({ events, logger: pino(), minAddresses: 3 })
       const first: string | undefined = list.addresses[0]
       // @ts-expect-error the list cannot be changed
       list.addresses.push('a:1')
       // @ts-expect-error an option that does not exist
       resolveApiserverAddresses({ retries: 3 })
       await using watch = watchApiserverAddresses({ shrinkDelayMs: 0 })
       for await (const { added, removed } of watch) console.log(added, removed, first)
       export const injected: WatchApiserverAddresses = createFakeApiservers({ manualTime: true }).watchApiserverAddresses
       export const code = (error: unknown) => (error instanceof ApiserverAddressError ? error.code : undefined)`,
    )
    const module = resolution === 'nodenext' ? 'nodenext' : 'esnext'
    await expectToCompile(project, ['a.ts'], '--module', module, '--moduleResolution', resolution)
  },
)

test('the published package has a command', async ({ project }) => {
  const cli = join(project, 'node_modules/rke2-apiserver-resolver/dist/cli.js')
  const { stdout } = await run(process.execPath, [cli, '--version'], { cwd: project })
  expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
})

test('docs/guide-air-gap.md: the command works from a folder that was packed, and unpacked elsewhere', async ({
  project,
}) => {
  const [machine, node] = [temporaryFolder(), temporaryFolder()]
  const modules = join(machine, 'resolver/lib/node_modules/rke2-apiserver-resolver')
  const bin = join(machine, 'resolver/bin')
  const [pack = '', use = ''] = codeBlocks(read('docs/guide-air-gap.md'), 'sh')
  // What `npm install --global` does, without a network.
  cpSync(join(project, 'node_modules/rke2-apiserver-resolver'), modules, { recursive: true })
  mkdirSync(bin)
  chmodSync(join(modules, 'dist/cli.js'), 0o755)
  symlinkSync('../lib/node_modules/rke2-apiserver-resolver/dist/cli.js', join(bin, 'rke2-apiserver-resolver'))
  const tar = /^tar .*$/m.exec(pack)?.[0] ?? ''
  await run('sh', ['-c', tar], { cwd: machine })
  rmSync(join(machine, 'resolver'), { recursive: true })
  const onNode = use.replaceAll('/opt', node).replace('--min 3', '--version')
  const { stdout } = await run('sh', ['-c', onNode], { cwd: machine })
  expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
})

test('the command exits with one line that names the Node version it needs when Node is too old', async ({
  project,
}) => {
  // In such a Node, `node:module` has no `enableCompileCache`: an import by that name would be a syntax error.
  const old = `
      import { registerHooks } from 'node:module'
      Object.defineProperty(process.versions, 'node', { value: '22.11.0' })
      registerHooks({
        resolve: (name, context, next) =>
          name === 'node:module' ? { url: 'data:text/javascript,export default {}', shortCircuit: true } : next(name, context),
      })`
  const cli = join(project, 'node_modules/rke2-apiserver-resolver/dist/cli.js')
  const args = ['--import', `data:text/javascript,${encodeURIComponent(old)}`, cli, '--version']
  await expect(run(process.execPath, args, { cwd: project })).rejects.toMatchObject({
    code: 1,
    stdout: '',
    stderr: 'rke2-apiserver-resolver: Node 22.12 or later is needed, and this is 22.11.0\n',
  })
  const { default: manifest } = await import('../../package.json', { with: { type: 'json' } })
  expect(manifest.engines.node).toBe('>=22.12')
})

test('the published package contains the code, its types, and four other files only', ({ project }) => {
  const names = readdirSync(join(project, 'node_modules/rke2-apiserver-resolver'))
  expect(names.toSorted()).toEqual(['CHANGELOG.md', 'LICENSE', 'README.md', 'dist', 'package.json'])
})

test('the published package contains only the type declarations that the public names need', ({ project }) => {
  const dist = join(project, 'node_modules/rke2-apiserver-resolver/dist')
  const needed = new Set(['index.d.ts', 'testing.d.ts'])
  for (const file of needed) {
    const text = readFileSync(join(dist, file), 'utf8')
    // No package is needed for them, such as pino for its logger.
    expect(text).not.toMatch(/from '(?!\.|node:)/)
    for (const [, path = ''] of text.matchAll(/from '(\.[^']+)\.ts'/g)) needed.add(join(file, '..', `${path}.d.ts`))
  }
  const files = readdirSync(dist, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.d.ts'))
  expect(files.toSorted()).toEqual([...needed].toSorted())
})

test('sbom.sh lists every package that is installed with this one or bundled into it, without a network', async () => {
  const env = { ...process.env, npm_config_cache: temporaryFolder() }
  const { stdout } = await run('sh', ['.github/sbom.sh'], { cwd: root, env, maxBuffer: 1 << 24 })
  const { bomFormat, metadata, components } = JSON.parse(stdout)
  const { name, version, scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  expect([bomFormat, metadata.component.purl]).toEqual(['CycloneDX', `pkg:npm/${name}@${version}`])
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'))
  /** Returns the folder in which Node finds a package that the package in `path` requires. */
  const find = (path: string, dependency: string): string => {
    const here = `${path === '' ? '' : `${path}/`}node_modules/${dependency}`
    return here in packages || path === ''
      ? here
      : find(path.slice(0, Math.max(0, path.lastIndexOf('/node_modules/'))), dependency)
  }
  const needed = new Map<string, string>()
  const add = (path: string) => {
    if (needed.has(path)) return
    needed.set(path, `${path.replace(/^.*node_modules\//, '')}@${packages[path].version}`)
    for (const next of Object.keys(packages[path].dependencies ?? {})) add(find(path, next))
  }
  add('')
  needed.delete('')
  // What an install of this package costs is part of what it offers. This package itself is one more.
  expect(needed.size).toBeLessThan(40)
  for (const [, bundled = ''] of bundledPackages().matchAll(/^(\S+) \S+ \(.+\)$/gm)) add(find('', bundled))
  const listed = (components as { name: string; version: string }[]).map((each) => `${each.name}@${each.version}`)
  expect(listed.toSorted()).toEqual([...new Set(needed.values())].toSorted())
  expect(listed.length).toBeGreaterThan(30)
  // An install runs no script of this package.
  for (const script of ['preinstall', 'install', 'postinstall', 'prepare']) expect(scripts).not.toHaveProperty(script)
})
