import { execFile } from 'node:child_process'
import { appendFileSync, cpSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { loadYaml } from '@kubernetes/client-node'
import { expect, test } from 'vitest'
import lock from '../../package-lock.json' with { type: 'json' }
import { codeBlocks, read, root, section } from '../support/documents.ts'
import { temporaryFolder } from '../support/folder.ts'

interface Job {
  readonly permissions?: Readonly<Record<string, string>>
  readonly steps?: readonly { readonly name?: string; readonly run?: string; readonly uses?: string }[]
}

const shell = (script: string, cwd: string) => promisify(execFile)('bash', ['-e', '-c', script], { cwd })
const page = read('docs/install.md')
const blocks = (heading: string) => codeBlocks(section(page, heading), 'sh')
const { jobs } = loadYaml<{ readonly jobs: Readonly<Record<string, Job>> }>(read('.github/workflows/release.yml'))
const steps = Object.values(jobs).flatMap((job) => job.steps ?? [])

test('the checksums that release.yml writes are verified by the command in docs/install.md', async () => {
  const folder = temporaryFolder()
  const release = join(folder, 'release')
  mkdirSync(release)
  for (const name of ['executable', 'image.tar.gz']) writeFileSync(join(release, name), name)
  await shell(steps.find(({ name }) => name === 'Write the checksums')?.run ?? 'false', folder)
  expect(readdirSync(release).toSorted()).toEqual(['SHA256SUMS', 'executable', 'image.tar.gz'])
  const [verify = ''] = blocks('Verify')
  expect((await shell(verify, release)).stdout).toBe('executable: OK\nimage.tar.gz: OK\n')
  appendFileSync(join(release, 'executable'), 'x')
  await expect(shell(verify, release)).rejects.toMatchObject({ stdout: 'executable: FAILED\nimage.tar.gz: OK\n' })
})

test('release.yml names its actions by commit, and its scripts are valid', async () => {
  for (const { uses } of steps.filter((step) => step.uses !== undefined)) expect(uses).toMatch(/^[\w/-]+@[0-9a-f]{40}$/)
  const scripts = steps.flatMap(({ run }) => run ?? [])
  expect(scripts.length).toBeGreaterThan(8)
  for (const script of scripts) {
    await promisify(execFile)('bash', ['-n', '-c', script.replaceAll(/\$\{\{.*?\}\}/g, 'x')])
  }
})

test('only the last job of release.yml may write to the repository', () => {
  const writing = Object.entries(jobs).filter(([, { permissions }]) => permissions?.['contents'] === 'write')
  expect(writing.map(([name]) => name)).toEqual(['release'])
})

test('docs/install.md names the executable of each processor that release.yml builds', () => {
  const built = [...read('.github/workflows/release.yml').matchAll(/\{ arch: (\w+),/g)].map(([, arch = '']) => arch)
  expect(built).toEqual(['amd64', 'arm64'])
  for (const arch of built) expect(page).toContain(`rke2-apiserver-resolver-linux-${arch}`)
})

test('sbom.sh lists Node when release.yml writes the bill of materials of the executable', async () => {
  const script = steps.find(({ name }) => name?.startsWith('Write the bills of materials'))?.run ?? ''
  const [command = ''] = /sh .*sbom\.sh node/.exec(script) ?? []
  const env = { ...process.env, npm_config_cache: temporaryFolder() }
  const { stdout } = await promisify(execFile)('sh', ['-c', command], { cwd: root, env, maxBuffer: 1 << 24 })
  const { components } = JSON.parse(stdout) as { readonly components: readonly { readonly name: string }[] }
  expect(components.map(({ name }) => name)).toEqual(expect.arrayContaining(['node', '@grpc/grpc-js', 'etcd3']))
})

/** Returns the folders of a package and of all that it depends on. */
function dependencies(name: string, found: Set<string> = new Set()): Set<string> {
  const path = `node_modules/${name}`
  if (found.has(path)) return found
  const { dependencies: next = {} } = (lock.packages as Record<string, { dependencies?: object }>)[path] ?? {}
  for (const each of Object.keys(next)) dependencies(each, found.add(path))
  return found.add(path)
}

test(
  'docs/install.md: the tarball with all dependencies is installed without a network',
  { timeout: 120_000 },
  async () => {
    const [folder, application] = [temporaryFolder(), temporaryFolder()]
    const [pack = '', install = ''] = blocks('Without internet').filter((block) => block.startsWith('npm '))
    const npmInstall = 'npm install --omit=dev --ignore-scripts --no-package-lock\n'
    const [before = '', after = ''] = pack.split(npmInstall)
    await shell(before.replace('npm pack rke2-apiserver-resolver', `npm pack --ignore-scripts '${root}'`), folder)
    // What `npm install` on the page does, without a network.
    for (const path of dependencies('@grpc/grpc-js')) {
      cpSync(join(root, path), join(folder, 'package', path), { recursive: true, dereference: true })
    }
    await shell(after, join(folder, 'package'))
    writeFileSync(join(application, 'package.json'), '{ "type": "module" }')
    const offline = install.replace('./', `${folder}/`).replace('--offline', `--offline --cache '${temporaryFolder()}'`)
    await shell(offline, application)
    expect(readdirSync(join(application, 'node_modules'))).toContain('rke2-apiserver-resolver')
    const program = `import { resolveApiserverAddresses } from 'rke2-apiserver-resolver'
    const options = { endpoints: 'http://127.0.0.1:9', retry: { maxAttempts: 1 } }
    await resolveApiserverAddresses(options).catch(({ reason }) => console.log(reason))`
    writeFileSync(join(application, 'program.js'), program)
    const { stdout } = await promisify(execFile)(process.execPath, ['program.js'], { cwd: application })
    expect(stdout).toBe('unreachable\n')
  },
)
