import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { expect, onTestFinished, test } from 'vitest'
import { readCommandLine } from '../../src/command/arguments.ts'
import type { AddressList, WatchApiserverAddresses } from '../../src/index.ts'
import { createFakeApiservers } from '../../src/testing.ts'
import { codeBlocks, documents, pages, read, root } from '../support/documents.ts'
import { projectFolder } from '../support/folder.ts'

interface Controller {
  readonly followApiservers: (
    watch: WatchApiserverAddresses,
    use: (list: AddressList) => void,
    signal: AbortSignal,
  ) => Promise<void>
}

/** Returns the command lines in a document, in its code and in its texts, without what a shell does with them. */
function commandLines(document: string): string[] {
  const page = read(document)
  const inCode = codeBlocks(page, 'sh').flatMap((block) => block.replaceAll('\\\n', ' ').split('\n'))
  const inText = [...page.matchAll(/`((?:npx )?rke2-apiserver-resolver -[^`]*)`/g)].map(([, line = '']) => line)
  return [...inCode, ...inText].flatMap((line) => {
    const [, args] = /^(?:npx |\/\S+\/)?rke2-apiserver-resolver( -.*)$/.exec(line.trim()) ?? []
    return args === undefined ? [] : [args.replace(/[|&>].*$/, '').trim()]
  })
}

test('the command accepts every command line in README and docs', () => {
  const lines = documents.flatMap(commandLines)
  expect(lines.length).toBeGreaterThan(10)
  for (const line of lines) expect(() => readCommandLine(line.split(/\s+/), {}), line).not.toThrow()
})

test('each guide and the FAQ has at most 80 lines', () => {
  const guides = pages.filter((page) => /guide-|faq/.test(page))
  expect(guides).toHaveLength(6)
  for (const guide of guides) expect([guide, read(guide).split('\n').length <= 80]).toEqual([guide, true])
})

/** Starts an example of a page with a fake list in place of a cluster. */
function startExample(folder: string, example: string) {
  const fake = join(root, 'src/testing.ts')
  writeFileSync(
    join(folder, 'fake.ts'),
    `import { createFakeApiservers } from ${JSON.stringify(fake)}
     const fake = createFakeApiservers()
     fake.set(['10.0.0.1:6443', '10.0.0.2:6443'])
     export const { resolveApiserverAddresses, watchApiserverAddresses } = fake`,
  )
  writeFileSync(join(folder, 'example.ts'), example.replace(`'rke2-apiserver-resolver'`, `'./fake.ts'`))
  const process = spawn(globalThis.process.execPath, ['example.ts'], { cwd: folder })
  onTestFinished(() => void process.kill('SIGKILL'))
  return { process, ended: Promise.all([once(process, 'close'), text(process.stdout), text(process.stderr)]) }
}

test('the program of docs/guide-node-agent.md writes the list, and ends with SIGTERM', async () => {
  const folder = projectFolder()
  const [example = ''] = codeBlocks(read('docs/guide-node-agent.md'), 'ts')
  const list = join(folder, 'apiservers')
  const { process, ended } = startExample(folder, example.replaceAll('/run/my-agent/apiservers', list))
  const expected = '10.0.0.1:6443\n10.0.0.2:6443\n'
  await expect.poll(() => existsSync(list) && readFileSync(list, 'utf8'), { timeout: 60_000 }).toBe(expected)
  process.kill('SIGTERM')
  expect(await ended).toEqual([[0, null], expect.stringContaining('found 2 apiservers in 1 attempt'), ''])
})

test('the program of docs/guide-workers.md prints the list', async () => {
  const [example = ''] = codeBlocks(read('docs/guide-workers.md'), 'ts')
  const { ended } = startExample(projectFolder(), example)
  expect(await ended).toEqual([[0, null], expect.stringContaining(`[ '10.0.0.1:6443', '10.0.0.2:6443' ]`), ''])
})

test('the controller of docs/guide-controller.md uses every list, and ends with the signal', async () => {
  const [example = ''] = codeBlocks(read('docs/guide-controller.md'), 'ts')
  const folder = projectFolder({ 'controller.ts': example })
  const { followApiservers } = (await import(join(folder, 'controller.ts'))) as Controller
  const fake = createFakeApiservers({ manualTime: true })
  const stop = new AbortController()
  const lists: (readonly string[])[] = []
  const following = followApiservers(fake.watchApiserverAddresses, ({ urls }) => lists.push(urls), stop.signal)
  fake.set(['a:1'])
  await fake.advance(3_600_000)
  fake.set(['a:1', 'b:1'])
  await fake.advance(0)
  stop.abort()
  await following
  const both = ['https://a:1', 'https://b:1']
  expect(lists).toEqual([['https://a:1'], both, both]) // The last one says that the new apiserver is alive.
  fake.fail('rejected')
  const failing = followApiservers(fake.watchApiserverAddresses, () => {}, new AbortController().signal)
  await expect(failing).rejects.toMatchObject({ code: 'REJECTED' })
})

test('docs/faq.md names the import cost that the benchmark has measured', () => {
  const [, measured = ''] =
    /importing the package − an empty module +\| +([\d.]+) ms/.exec(read('bench/results/results.md')) ?? []
  expect(read('docs/faq.md')).toContain(`takes about ${Math.round(Number(measured))} ms`)
})
