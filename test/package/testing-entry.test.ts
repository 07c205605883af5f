import { statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { runModule } from '../support/run-module.ts'

const root = join(import.meta.dirname, '../..')

const listAndChange = `
  import { createFakeApiservers } from 'rke2-apiserver-resolver/testing'
  const fake = createFakeApiservers({ manualTime: true })
  fake.set(['10.0.0.11:6443'])
  const watch = fake.watchApiserverAddresses({ probe: 'readyz' })
  await watch.next()
  fake.fail('unreachable')
  await fake.advance(60_000)
  fake.set(['10.0.0.12:6443'])
  fake.recover()
  await watch.next()
  await watch.close()`

test('the entry for tests loads no dependency, no etcd client, and no TLS, HTTP or HTTP/2 of Node', async () => {
  const loaded = await runModule(`
    import { createRequire } from 'node:module'
    import { join } from 'node:path'
    ${listAndChange}
    const files = Object.keys(createRequire(join(process.cwd(), 'dist/a.cjs')).cache)
    const modules = process.moduleLoadList.filter((name) => /^NativeModule (net|tls|http2?|https|_tls_wrap)$/.test(name))
    console.log(JSON.stringify({ files: files.map((file) => file.replace(/^.*(node_modules|dist)./, '$1/')), modules }))`)
  const { files, modules } = loaded as { files: string[]; modules: string[] }
  expect(files).toContain('dist/testing.cjs')
  expect(files.filter((file) => file.startsWith('node_modules/'))).toEqual([])
  expect(files.filter((file) => /etcd|kubernetes|probe|server-ca|certificates/.test(file))).toEqual([])
  expect(modules.filter((name) => !name.endsWith(' net'))).toEqual([])
})

test('the errors of the entry for tests are instances of the class of the package', async () => {
  const isInstance = await runModule(`
    import { ApiserverAddressError } from 'rke2-apiserver-resolver'
    import { createFakeApiservers } from 'rke2-apiserver-resolver/testing'
    const fake = createFakeApiservers()
    fake.fail('rejected')
    const error = await fake.resolveApiserverAddresses().catch((reason) => reason)
    console.log(error instanceof ApiserverAddressError)`)
  expect(isInstance).toBe(true)
})

test('the entry for tests adds at most 15 kB to the code of the package', () => {
  expect(statSync(join(root, 'dist/testing.cjs')).size).toBeLessThanOrEqual(15_000)
})
