import assert from 'node:assert/strict'
import { copyFile, mkdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { loadYaml } from '@kubernetes/client-node'
import type { V1Pod } from '@kubernetes/client-node'
import { Run } from './run.ts'
import type { Scenario } from './try.ts'

const standard = '/var/lib/rancher/rke2'

export const scenario: Scenario = async ({ dataDir, endpoint, env, apiservers, list }, say, signal) => {
  const pod = loadYaml<V1Pod>(await readFile(join(import.meta.dirname, '..', 'init-container', 'pod.yaml'), 'utf8'))
  const { initContainers: [container] = [], containers = [], volumes = [], hostNetwork } = pod.spec ?? {}
  assert(container !== undefined && hostNetwork === true)

  // The container's file system has nothing of the data directory but what is mounted.
  const containerRoot = join(dataDir, 'container')
  const files: string[] = []
  for (const { name, mountPath, readOnly } of container.volumeMounts ?? []) {
    const hostPath = volumes.find((volume) => volume.name === name)?.hostPath
    assert(hostPath?.type === 'File' && readOnly === true, `${name} is one file, and read-only`)
    const to = join(containerRoot, mountPath)
    await mkdir(dirname(to), { recursive: true })
    await copyFile(hostPath.path.replace(standard, dataDir), to)
    files.push(mountPath)
  }
  assert(
    containers.every(({ volumeMounts = [] }) => volumeMounts.length === 0),
    'the app has none of the files',
  )
  say(
    `The init container sees ${files.length} files: ${files.map((file) => file.slice(standard.length + 1)).join(', ')}.`,
  )

  const [a, b, c] = apiservers
  await list(a, b)
  const line = [...(container.command ?? []), ...(container.args ?? [])]
  say(`$ ${line.join(' ')}`)
  const here = ['--data-dir', join(containerRoot, standard), '--endpoints', endpoint]
  await using run = new Run([...line, ...here], env, signal)
  await run.until('has 2 of at least 3 addresses')
  say('The third server joins.')
  await list(a, b, c)
  const [first] = (await run.until(/^127\.0\.0\.1:/m)).split('\n')
  assert.equal(first, a.address)
  assert.equal(await run.ended(), 0)
}
