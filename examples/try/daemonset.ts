import assert from 'node:assert/strict'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { loadAllYaml } from '@kubernetes/client-node'
import type { V1DaemonSet, V1Pod, V1PodSpec } from '@kubernetes/client-node'
import { startFakeApiserver } from '../../test/support/kubernetes/fake-apiserver.ts'
import { createClusterAuthorities } from '../../test/support/kubernetes/node-files.ts'
import { Run } from './run.ts'
import type { Scenario } from './try.ts'
import { waitForFile } from './wait-for-file.ts'

const folder = '/run/apiserver-addresses'

export const scenario: Scenario = async ({ dataDir, env }, print, signal) => {
  const yaml = await readFile(join(import.meta.dirname, '..', 'daemonset', 'daemonset.yaml'), 'utf8')
  const documents = loadAllYaml(yaml) as (V1DaemonSet | V1Pod)[]
  const find = (kind: string) => documents.find((document) => document.kind === kind)
  const writer = (find('DaemonSet') as V1DaemonSet | undefined)?.spec?.template.spec
  const reader = (find('Pod') as V1Pod | undefined)?.spec
  assert.deepEqual([mountOf(writer), mountOf(reader)], [{ readOnly: undefined }, { readOnly: true }])

  const [container] = writer?.containers ?? []
  assert(container !== undefined)
  const command = [...(container.command ?? []), ...(container.args ?? [])]
  print(`$ ${command.join(' ')}`)

  const authorities = await createClusterAuthorities()
  await using apiserver = await startFakeApiserver(authorities, { tokens: ['a-token'] })
  const mounted = join(dataDir, 'apiserver-addresses')
  await mkdir(mounted)
  await writeFile(join(dataDir, 'token'), 'a-token')
  await writeFile(join(dataDir, 'ca.crt'), authorities.server.cert)
  // In a Pod, all three are found by themselves.
  const serviceAccount = [
    '--token-file',
    join(dataDir, 'token'),
    '--cacert',
    join(dataDir, 'ca.crt'),
    '--endpoints',
    apiserver.url,
  ]
  const args = command.map((text) => text.replace(folder, mounted))
  await using run = new Run([...args, ...serviceAccount], env, signal)
  const file = join(mounted, 'list')

  await run.until('waiting for')
  print('Two servers are there.')
  apiserver.store.set('10.0.0.11', '10.0.0.12')
  await waitForFile(file, ['10.0.0.11:6443', '10.0.0.12:6443'], signal)
  print('The apiserver stops. The file stays.')
  await apiserver.kill()
  await run.until('the last list stays')
  await waitForFile(file, ['10.0.0.11:6443', '10.0.0.12:6443'], signal)
  print('The apiserver is back, and a third server joins.')
  await apiserver.start()
  apiserver.store.set('10.0.0.11', '10.0.0.12', '10.0.0.13')
  await waitForFile(file, ['10.0.0.11:6443', '10.0.0.12:6443', '10.0.0.13:6443'], signal)
  print(`The file:\n${await readFile(file, 'utf8')}`)
  assert.equal(await run.stop(), 0)
}

/** Returns how a Pod mounts the folder of the node. */
function mountOf(pod: V1PodSpec | undefined): { readonly readOnly: boolean | undefined } {
  const volume = pod?.volumes?.find(({ hostPath }) => hostPath?.path === folder)
  const mount = pod?.containers[0]?.volumeMounts?.find(({ name }) => name === volume?.name)
  assert.equal(mount?.mountPath, folder)
  return { readOnly: mount?.readOnly }
}
