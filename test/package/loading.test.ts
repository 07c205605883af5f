import { writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { expect, test } from 'vitest'
import { createAuthority } from '../support/certificates.ts'
import { temporaryFolder } from '../support/folder.ts'
import { unusedPort } from '../support/net.ts'
import { runModule } from '../support/run-module.ts'

/** Returns the URLs of the files that a program loads which imports this package. */
async function loadedBy(program: string): Promise<string[]> {
  const script = `
    import { registerHooks } from 'node:module'
    const loaded = []
    registerHooks({ load: (url, context, next) => (loaded.push(url), next(url, context)) })
    const { resolveApiserverAddresses } = await import('rke2-apiserver-resolver')
    ${program}
    console.log(JSON.stringify(loaded.filter((url) => url.startsWith('file:'))))`
  return (await runModule(script)) as string[]
}

const packagesOf = (urls: readonly string[]) => [
  ...new Set(urls.flatMap((url) => /node_modules\/((@[^/]+\/)?[^/]+)/.exec(url)?.[1] ?? [])),
]

test('importing the package loads two files of it, and no dependency', async () => {
  const urls = await loadedBy('')
  expect(urls.map((url) => basename(url))).toEqual(['index.js', 'main.cjs'])
})

test('resolveApiserverAddresses does not load the code that follows a list', async () => {
  const urls = await loadedBy(`
    const options = { endpoints: 'http://127.0.0.1:${await unusedPort()}', retry: { maxAttempts: 1 } }
    await resolveApiserverAddresses(options).catch(() => {})`)
  const files = urls.map((url) => basename(url))
  expect(files).toEqual(expect.arrayContaining(['resolve.cjs', 'sources.cjs']))
  expect(files).not.toContain('watch.cjs')
})

test('a call loads no clock of Node but process.hrtime', async () => {
  const loadsPerformance = await runModule(`
    import { resolveApiserverAddresses } from 'rke2-apiserver-resolver'
    const options = { endpoints: 'http://127.0.0.1:${await unusedPort()}', retry: { maxAttempts: 1 } }
    await resolveApiserverAddresses(options).catch(() => {})
    console.log(process.moduleLoadList.includes('NativeModule perf_hooks'))`)
  expect(loadsPerformance).toBe(false)
})

test.each([
  ['kubernetes', 'kubernetes-connection.cjs', false],
  ['etcd', 'etcd-connection.cjs', true],
])('a call with the source %s loads %s, and gRPC only for etcd', async (source, part, loadsGrpc) => {
  const { cert, key } = await (await createAuthority()).issue({ commonName: 'client' })
  const folder = temporaryFolder()
  const [caFile, certFile, keyFile] = ['ca.crt', 'client.crt', 'client.key'].map((name) => join(folder, name))
  const files = [
    [caFile, cert],
    [certFile, cert],
    [keyFile, key],
  ] as const
  for (const [file, content] of files) writeFileSync(file!, content, { mode: 0o600 })
  const endpoints = `https://127.0.0.1:${await unusedPort()}`
  const options = JSON.stringify({ source, endpoints, tls: { caFile, certFile, keyFile }, retry: { maxAttempts: 1 } })
  const urls = await loadedBy(`await resolveApiserverAddresses(${options}).catch(() => {})`)
  expect([part, urls.some((url) => url.endsWith(`/dist/${part}`))]).toEqual([part, true])
  expect(packagesOf(urls).includes('@grpc/grpc-js')).toBe(loadsGrpc)
})
