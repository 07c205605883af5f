import assert from 'node:assert/strict'
import { copyFile, mkdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { loadYaml } from '@kubernetes/client-node'
import type { V1Container, V1Pod, V1Volume } from '@kubernetes/client-node'
import { Run } from './run.ts'
import type { Scenario } from './try.ts'

const defaultDataDir = '/var/lib/rancher/rke2'

export const scenario: Scenario = async ({ dataDir, endpoint, env, apiservers, list }, print, signal) => {
  const pod = loadYaml<V1Pod>(await readFile(join(import.meta.dirname, '..', 'init-container', 'pod.yaml'), 'utf8'))
  const { initContainers: [container] = [], containers = [], volumes = [], hostNetwork } = pod.spec ?? {}
  assert(container !== undefined && hostNetwork === true)
  assert(
    containers.every(({ volumeMounts = [] }) => volumeMounts.length === 0),
    'the app has none of the files',
  )
  const containerRoot = join(dataDir, 'container')
  const files = await mountFiles(container, volumes, dataDir, containerRoot)
  const relative = files.map((file) => file.slice(defaultDataDir.length + 1))
  print(`The init container sees ${files.length} files: ${relative.join(', ')}.`)

  const [a, b, c] = apiservers
  await list(a, b)
  const command = [...(container.command ?? []), ...(container.args ?? [])]
  print(`$ ${command.join(' ')}`)
  const location = ['--data-dir', join(containerRoot, defaultDataDir), '--endpoints', endpoint]
  await using run = new Run([...command, ...location], env, signal)
  await run.until('has 2 of at least 3 addresses')
  print('The third server joins.')
  await list(a, b, c)
  const [first] = (await run.until(/^127\.0\.0\.1:/m)).split('\n')
  assert.equal(first, a.address)
  assert.equal(await run.waitForExit(), 0)
}

/** Copies the mounted files, and nothing else, to a folder that is the root of the container. Returns their paths. */
async function mountFiles(
  container: V1Container,
  volumes: readonly V1Volume[],
  dataDir: string,
  containerRoot: string,
): Promise<string[]> {
  const files: string[] = []
  for (const { name, mountPath, readOnly } of container.volumeMounts ?? []) {
    const hostPath = volumes.find((volume) => volume.name === name)?.hostPath
    assert(hostPath?.type === 'File' && readOnly === true, `${name} is one file, and read-only`)
    const to = join(containerRoot, mountPath)
    await mkdir(dirname(to), { recursive: true })
    await copyFile(hostPath.path.replace(defaultDataDir, dataDir), to)
    files.push(mountPath)
  }
  return files
}
