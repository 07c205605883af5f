import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { createFakeApiservers } from '../../src/testing.ts'
import { codeBlocks, codeSpans, read, root, rows, section } from '../support/documents.ts'
import { projectFolder } from '../support/folder.ts'

const page = read('docs/testing.md')
const [follow = '', withVitest = '', withNode = ''] = codeBlocks(page, 'ts')

/** Runs a program of node_modules, and returns what it prints. */
async function run(cwd: string, ...args: string[]): Promise<string> {
  // A test runner inside another one reports to it, and prints nothing.
  const env = { ...process.env, NODE_TEST_CONTEXT: undefined, VITEST: undefined, NO_COLOR: '1' }
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd, env }).catch((error) =>
    expect.fail(`${error.stdout}\n${error.stderr}`),
  )
  return stdout
}

test('the Vitest example of docs/testing.md passes', { timeout: 300_000 }, async () => {
  const folder = projectFolder({ 'follow.ts': follow, 'follow.test.ts': withVitest })
  const vitest = join(root, 'node_modules/vitest/vitest.mjs')
  expect(await run(folder, vitest, 'run', '--root', folder)).toMatch(/Tests +1 passed/)
})

test('the node:test example of docs/testing.md passes', { timeout: 300_000 }, async () => {
  const folder = projectFolder({ 'a.test.ts': withNode })
  expect(await run(folder, '--test', '--test-reporter=tap', 'a.test.ts')).toMatch(/^# pass 2$/m)
})

test('docs/testing.md explains every control of the fake, and no other', () => {
  const { resolveApiserverAddresses, watchApiserverAddresses, ...controls } = createFakeApiservers()
  const explained = rows(section(page, 'The controls')).flatMap(([name = '']) => codeSpans(name))
  const names = explained.map((text) => text.replace(/\(.*/, ''))
  expect(names.toSorted()).toEqual([...Object.keys(controls), 'calls'].toSorted())
  expect([resolveApiserverAddresses, watchApiserverAddresses].map((each) => typeof each)).toEqual([
    'function',
    'function',
  ])
})
