import { beforeAll, expect, test } from 'vitest'
import { resolveApiserverAddresses } from '../../../../src/index.ts'
import type { WatchOptions } from '../../../../src/index.ts'
import { temporaryFolder } from '../../../support/folder.ts'
import { startFakeApiserver } from '../../../support/kubernetes/fake-apiserver.ts'
import type { ClusterAuthorities, FakeApiserver } from '../../../support/kubernetes/fake-apiserver.ts'
import { createClusterAuthorities, writeNodeFiles } from '../../../support/kubernetes/node-files.ts'
import { expectNoLeaks } from '../../../support/no-leaks.ts'
import { ObservedWatch } from '../../../support/observed-watch.ts'

expectNoLeaks()

let authorities: ClusterAuthorities
beforeAll(async () => {
  authorities = await createClusterAuthorities()
})

async function start(): Promise<{ apiserver: FakeApiserver; options: WatchOptions }> {
  const apiserver = await startFakeApiserver(authorities)
  const dataDir = temporaryFolder()
  await writeNodeFiles(dataDir, authorities)
  return { apiserver, options: { source: 'kubernetes', dataDir, endpoints: apiserver.url } }
}

test('resolve returns the addresses of the EndpointSlice, and its version', async () => {
  const { apiserver, options } = await start()
  await using _ = apiserver
  apiserver.store.set('10.0.0.2', '10.0.0.1')
  apiserver.store.bump(5)
  expect(await resolveApiserverAddresses(options)).toMatchObject({
    addresses: ['10.0.0.1:6443', '10.0.0.2:6443'],
    source: 'kubernetes',
    revision: '101',
    attempts: 1,
  })
})

test('watch yields a change of the EndpointSlice when it is pushed', async () => {
  const { apiserver, options } = await start()
  await using _ = apiserver
  apiserver.store.set('10.0.0.1')
  const watch = new ObservedWatch(options)
  expect(await watch.start()).toMatchObject({ addresses: ['10.0.0.1:6443'] })
  apiserver.store.set('10.0.0.1', '10.0.0.2')
  expect(await watch.next()).toMatchObject({ added: ['10.0.0.2:6443'], revision: '102' })
  expect(apiserver.requests).toEqual(['list', 'watch 101'])
  expect(apiserver.connections).toBe(1)
})
