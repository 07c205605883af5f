import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { loadYaml } from '@kubernetes/client-node'
import type { V1Pod } from '@kubernetes/client-node'
import { test as base, expect, onTestFinished, vi } from 'vitest'
import { buildExecutable } from '../../build/executable.ts'
import manifest from '../../package.json' with { type: 'json' }
import { startApiserver, writeServerCa } from '../support/apiserver.ts'
import { codeBlocks, read, section } from '../support/documents.ts'
import { startEtcd } from '../support/etcd.ts'
import type { EtcdCluster } from '../support/etcd.ts'
import { labels } from '../support/kube-apiserver-program.ts'

// The first test builds the executable, which writes 110 MB twice.
vi.setConfig({ testTimeout: 240_000 })

const run = promisify(execFile)
const root = join(import.meta.dirname, '../..')
const three = ['10.0.0.11:6443', '10.0.0.12:6443', '10.0.0.13:6443']

const test = base
  .extend('image', { scope: 'file' }, async ({}, { onCleanup }) => {
    const folder = mkdtempSync(join(tmpdir(), 'image-'))
    const tag = `rke2-apiserver-resolver-test:${process.pid}`
    onCleanup(async () => {
      rmSync(folder, { recursive: true })
      await run('docker', ['image', 'rm', '--force', tag])
    })
    await buildExecutable(folder)
    await run('sh', [join(root, 'build/image.sh'), folder, tag])
    return tag
  })
  .extend('etcd', { scope: 'file' }, async ({}, { onCleanup }) => {
    const etcd = await startEtcd()
    await writeServerCa(etcd.dataDir, etcd.authority)
    onCleanup(() => etcd[Symbol.asyncDispose]())
    return etcd
  })

const [pod] = loadYaml<V1Pod>(read('examples/init-container/pod.yaml')).spec?.initContainers ?? []
const files = (pod?.volumeMounts ?? []).map(({ mountPath }) => mountPath)

/** The user of the certificate files, as root is on a node. */
const owner = String(process.getuid?.() ?? 0)

let containers = 0

/** Starts the image with the files and rights that examples/init-container/pod.yaml gives it. */
function start(image: string, etcd: EtcdCluster, args: readonly string[], { user = owner } = {}) {
  const name = `rke2-apiserver-resolver-test-${process.pid}-${++containers}`
  const mounts = files.flatMap((file) => {
    const source = file.replace('/var/lib/rancher/rke2', etcd.dataDir)
    return ['--volume', `${source}:${file}:ro`]
  })
  const rights = ['--read-only', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges', '--user', user]
  const marks = Object.entries(labels).flatMap(([label, value]) => ['--label', `${label}=${value}`])
  const options = ['--rm', '--name', name, ...marks, '--network', 'host', ...rights, ...mounts]
  const child = spawn('docker', ['run', ...options, image, '--endpoints', etcd.endpoints.join(), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const output = { stdout: '', stderr: '' }
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (text) => (output[stream] += text))
  }
  const ended = once(child, 'close').then(([code]) => ({ code: code as number, ...output }))
  onTestFinished(async () => {
    if (child.exitCode === null) await run('docker', ['rm', '--force', name])
    await ended
  })
  return { name, child, output, ended }
}

test('the image reads etcd with TLS, from a read-only file system without Node', async ({ image, etcd }) => {
  await etcd.put('rke2/apiaddresses', JSON.stringify(three))
  const { code, stdout, stderr } = await start(image, etcd, ['--min', '3']).ended
  expect({ code, stdout, stderr }).toEqual({
    code: 0,
    stdout: `${three.join('\n')}\n`,
    stderr: expect.stringMatching(/^\{"level":"info",.*"msg":"found 3 apiservers in 1 attempt"\}\n$/),
  })
})

test('the image does what examples/init-container/pod.yaml requires of it', async ({ image, etcd }) => {
  expect(pod?.securityContext).toMatchObject({
    runAsUser: 0,
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  })
  const apiservers = await Promise.all([1, 2, 3].map(() => startApiserver(etcd.authority)))
  onTestFinished(async () => void (await Promise.all(apiservers.map((apiserver) => apiserver.stop()))))
  const addresses = apiservers.map(({ address }) => address).toSorted()
  const [last] = apiservers
  await last?.stop()
  await etcd.put('rke2/apiaddresses', JSON.stringify(addresses))
  const { child, output, ended } = start(image, etcd, pod?.args ?? [])
  while (!output.stderr.includes('is dead')) await once(child.stderr, 'data')
  await last?.start()
  const { code, stdout } = await ended
  expect({ code, addresses: stdout.trimEnd().split('\n').toSorted() }).toEqual({ code: 0, addresses })
})

test('docs/install.md: the image can be saved to a file, and is complete where the file is loaded', async ({
  image,
}) => {
  const folder = mkdtempSync(join(tmpdir(), 'image-file-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const blocks = codeBlocks(section(read('docs/install.md'), 'Without internet'), 'sh')
  const save = blocks.find((block) => block.startsWith('docker save')) ?? ''
  await run('sh', ['-c', save.replace(/rke2-apiserver-resolver:\S+/, image)], { cwd: folder })
  await run('docker', ['image', 'rm', image])
  await run('docker', ['load', '--input', join(folder, 'rke2-apiserver-resolver-image-amd64.tar.gz')])
  const { stdout } = await run('docker', ['run', '--rm', '--read-only', '--network', 'none', image, '--version'])
  expect(stdout).toBe(`${manifest.version} (Node.js ${process.versions.node})\n`)
})

test('the image exits with 3 after --timeout, and with 2 for an invalid flag', async ({ image, etcd }) => {
  const absent = ['--address-key', 'test/absent', '--timeout', '1s']
  expect(await start(image, etcd, absent).ended).toMatchObject({ code: 3, stdout: '' })
  expect(await start(image, etcd, ['--min', '0']).ended).toMatchObject({ code: 2, stdout: '' })
})

test('the image, as the first process of its container, exits with 143 after SIGTERM', async ({ image, etcd }) => {
  const { name, child, output, ended } = start(image, etcd, ['--address-key', 'test/absent'])
  while (!output.stderr.includes('"reason":"not-set"')) await once(child.stderr, 'data')
  await run('docker', ['kill', '--signal', 'SIGTERM', name])
  expect(await ended).toMatchObject({ code: 143, stdout: '' })
})

test('the image has a user that cannot read the key of another user', async ({ image, etcd }) => {
  const { code, stderr } = await start(image, etcd, ['--max-attempts', '1'], { user: '65532' }).ended
  expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('"reason":"tls-files-unreadable"') })
})

test('the image has the labels of the Open Container Initiative, and the licences of what is in it', async ({
  image,
}) => {
  const { stdout } = await run('docker', ['image', 'inspect', image])
  const [{ Config, Size }] = JSON.parse(stdout)
  expect(Config).toMatchObject({
    User: '65532:65532',
    Entrypoint: ['/usr/local/bin/rke2-apiserver-resolver'],
    Labels: {
      'org.opencontainers.image.title': manifest.name,
      'org.opencontainers.image.version': manifest.version,
      'org.opencontainers.image.licenses': manifest.license,
    },
  })
  expect(Size).toBeLessThan(160e6)
  const { stdout: id } = await run('docker', ['create', image])
  onTestFinished(async () => void (await run('docker', ['rm', id.trim()])))
  const { stdout: list } = await run('sh', ['-c', `docker export ${id.trim()} | tar --list`])
  const paths = list.split('\n')
  for (const name of ['LICENSE', 'NODE-LICENSE', 'THIRD-PARTY-LICENSES']) {
    expect(paths).toContain(`usr/share/doc/rke2-apiserver-resolver/${name}`)
  }
  expect(paths).toContain('usr/share/doc/libc6/copyright')
  expect(paths.filter((path) => /(^|\/)(node|sh|bash)$/.test(path))).toEqual([])
})
