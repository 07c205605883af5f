import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

test('importing the package loads no dependency', async () => {
  const script = `
    import { registerHooks } from 'node:module'
    const loaded = []
    registerHooks({ load: (url, context, next) => (loaded.push(url), next(url, context)) })
    await import('rke2-apiserver-resolver')
    console.log(JSON.stringify(loaded.filter((url) => url.startsWith('file:'))))`
  const root = join(import.meta.dirname, '../..')
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], { cwd: root })
  const urls = JSON.parse(stdout) as string[]
  expect(urls.some((url) => url.endsWith('/dist/index.js'))).toBe(true)
  const packages = urls.flatMap((url) => /node_modules\/((@[^/]+\/)?[^/]+)/.exec(url)?.[1] ?? [])
  expect([...new Set(packages)].toSorted()).toEqual([])
})
