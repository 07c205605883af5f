import { execFileSync, spawn } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test as base, describe, expect, onTestFinished } from 'vitest'
import { createAuthority } from '../support/certificates.ts'
import { startEtcd } from '../support/etcd.ts'
import type { EtcdCluster } from '../support/etcd.ts'
import { startProxy } from '../support/net.ts'
import { bundlers } from './bundlers.ts'

const root = join(import.meta.dirname, '../..')
const here = { commonName: 'etcd', ipAddresses: ['127.0.0.1'] }

/** A folder with the application and the packed package, and an etcd of each kind. */
const test = base
  .extend('project', { scope: 'file' }, async ({}, { onCleanup }) => {
    const project = mkdtempSync(join(tmpdir(), 'bundles-'))
    onCleanup(() => rmSync(project, { recursive: true }))
    mkdirSync(join(project, 'node_modules'))
    symlinkSync(join(root, 'node_modules/@grpc'), join(project, 'node_modules/@grpc'))
    execFileSync('npm', ['pack', '--ignore-scripts', '--pack-destination', project], { cwd: root, stdio: 'pipe' })
    const [tarball = ''] = readdirSync(project).filter((name) => name.endsWith('.tgz'))
    execFileSync('tar', ['-xzf', join(project, tarball), '-C', project])
    renameSync(join(project, 'package'), join(project, 'node_modules/rke2-apiserver-resolver'))
    writeFileSync(join(project, 'package.json'), '{ "type": "module" }')
    cpSync(join(import.meta.dirname, 'application.js'), join(project, 'application.js'))
    return project
  })
  .extend('etcd', { scope: 'file' }, async ({}, { onCleanup }) => {
    const etcd = await startEtcd()
    onCleanup(() => etcd[Symbol.asyncDispose]())
    return etcd
  })
  .extend('httpEtcd', { scope: 'file' }, async ({}, { onCleanup }) => {
    const etcd = await startEtcd({ tls: 'none' })
    onCleanup(() => etcd[Symbol.asyncDispose]())
    return etcd
  })

/** Runs the bundle alone, in an empty folder, until the end of the test. */
function run(folder: string, file: string, ...args: readonly string[]) {
  const child = spawn(process.execPath, [join(folder, file), ...args], { cwd: folder, env: {} })
  const output = { stdout: '', stderr: '' }
  child.stdout.on('data', (text: Buffer) => (output.stdout += text.toString()))
  child.stderr.on('data', (text: Buffer) => (output.stderr += text.toString()))
  const closed = new Promise((resolve) => child.on('close', resolve))
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await closed
  })
  return {
    output,
    closed,
    /** Resolves when the application has printed these lists. */
    async prints(...lists: readonly string[]): Promise<void> {
      await expect.poll(() => output, { timeout: 30_000 }).toEqual({ stdout: `${lists.join('\n')}\n`, stderr: '' })
    },
  }
}

let keys = 0

/** Stores a list under a key of its own. */
async function storeList(etcd: EtcdCluster): Promise<string> {
  const key = `bundles/${++keys}`
  await etcd.put(key, '["10.0.0.11:6443"]')
  return key
}

describe.each(Object.entries(bundlers))('bundled by %s', (_name, { bundle, file }) => {
  let folder: string | undefined

  /** Bundles the application once. */
  const bundled = async (project: string): Promise<string> => {
    if (folder !== undefined) return folder
    folder = mkdtempSync(join(tmpdir(), 'bundle-'))
    expect(await bundle(join(project, 'application.js'), join(folder, file))).toEqual([])
    return folder
  }
  base.afterAll(() => folder && rmSync(folder, { recursive: true }))

  test('a bundled application reads from an etcd without TLS', async ({ project, httpEtcd }) => {
    const options = { endpoints: httpEtcd.endpoints, key: await storeList(httpEtcd) }
    const application = run(await bundled(project), file, 'resolve', JSON.stringify(options))
    expect(await application.closed).toBe(0)
    expect(application.output).toEqual({ stdout: '10.0.0.11:6443\n', stderr: '' })
  })

  test('a bundled application reads with client certificates, and names an option that is invalid', async ({
    project,
    etcd,
  }) => {
    const options = { endpoints: etcd.endpoints, tls: etcd.tls, key: await storeList(etcd) }
    const application = run(await bundled(project), file, 'resolve', JSON.stringify(options))
    expect(await application.closed).toBe(0)
    expect(application.output).toEqual({ stdout: '10.0.0.11:6443\n', stderr: '' })
    const failing = run(await bundled(project), file, 'resolve', JSON.stringify({ ...options, minAddresses: 0 }))
    expect(await failing.closed).toBe(1)
    expect(failing.output.stderr).toContain(
      'TypeError: Option "minAddresses" must be a whole number of at least 1, got 0',
    )
  })

  test('a bundled application follows a rotation of the certificates', async ({ project, etcd }) => {
    const [member] = etcd.members
    const foreign = await createAuthority('next-ca')
    await using proxy = await startProxy(member?.endpoint ?? '')
    const key = await storeList(etcd)
    const options = { endpoints: proxy.endpoint, tls: etcd.tls, key }
    const application = run(await bundled(project), file, 'watch', JSON.stringify(options))
    await application.prints('10.0.0.11:6443')
    await member?.useCertificate(await foreign.issue(here))
    await writeFile(etcd.tls.caFile, foreign.cert)
    proxy.reset()
    await etcd.put(key, '["10.0.0.12:6443","10.0.0.13:6443"]')
    await application.prints('10.0.0.11:6443', '10.0.0.11:6443,10.0.0.12:6443,10.0.0.13:6443')
    await member?.useCertificate(await etcd.authority.issue(here))
    await writeFile(etcd.tls.caFile, etcd.authority.cert)
  })

  test('a bundled application follows etcd through a restart', async ({ project, etcd }) => {
    const key = await storeList(etcd)
    const options = { endpoints: etcd.endpoints, tls: etcd.tls, key, shrinkDelayMs: 0 }
    const application = run(await bundled(project), file, 'watch', JSON.stringify(options))
    await application.prints('10.0.0.11:6443')
    await etcd.members[0]?.restart()
    await etcd.put(key, '["10.0.0.11:6443","10.0.0.12:6443"]')
    await application.prints('10.0.0.11:6443', '10.0.0.11:6443,10.0.0.12:6443')
  })
})
