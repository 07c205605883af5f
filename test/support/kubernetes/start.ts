import { onTestFinished } from 'vitest'
import type { ResolveOptions } from '../../../src/index.ts'
import { temporaryFolder } from '../folder.ts'
import { startFakeApiserver } from './fake-apiserver.ts'
import type { FakeApiserver, FakeApiserverOptions } from './fake-apiserver.ts'
import { createClusterAuthorities, writeNodeFiles } from './node-files.ts'

let authorities: ReturnType<typeof createClusterAuthorities> | undefined

/** Returns the authorities of the cluster of this test file. */
export const clusterAuthorities = (): ReturnType<typeof createClusterAuthorities> =>
  (authorities ??= createClusterAuthorities())

/** Starts an apiserver until the end of the test, and returns the options of a node that reads it. */
export async function startNode(
  options: FakeApiserverOptions = {},
): Promise<{ readonly apiserver: FakeApiserver; readonly options: ResolveOptions & { readonly dataDir: string } }> {
  const apiserver = await startFakeApiserver(await clusterAuthorities(), options)
  onTestFinished(() => apiserver[Symbol.asyncDispose]())
  const dataDir = temporaryFolder()
  await writeNodeFiles(dataDir, await clusterAuthorities())
  return { apiserver, options: { source: 'kubernetes', dataDir, endpoints: apiserver.url } }
}
