import { expect, test } from 'vitest'
import manifest from '../../package.json' with { type: 'json' }
import { reasons } from '../../src/sources/reasons.ts'
import { pages, read, rows, section } from '../support/documents.ts'

const readme = read('README.md')

test('README has at most 150 lines', () => {
  expect(readme.trimEnd().split('\n').length).toBeLessThanOrEqual(150)
})

test('README begins with the description of the package', () => {
  const [, first = ''] = readme.replace(/\]\([^)]*\)|\[/g, '').split('\n\n')
  expect(first.replaceAll('\n', ' ')).toBe(`${manifest.description}.`)
})

test('README shows name, installation, example, how to try it, and the demo on its first screen', () => {
  const screen = readme.split('\n').slice(0, 45).join('\n')
  for (const text of [
    '# rke2-apiserver-resolver',
    'npm install',
    'await resolveApiserverAddresses',
    '### Try it without RKE2',
    'npm ci --loglevel=error && npm run demo`',
  ]) {
    expect(screen).toContain(text)
  }
})

test('README gives each option the default that docs/options.md gives it', () => {
  const all = new Map(rows(read('docs/options.md')).map(([name = '', value = '']) => [name, value]))
  const shown = rows(section(readme, 'Options'))
  expect(shown.length).toBeGreaterThan(5)
  for (const [name = '', value = ''] of shown) expect([name, value]).toEqual([name, all.get(name)])
})

test('README, docs/comparison.md and docs/troubleshooting.md name the number of reasons', () => {
  const number = Object.keys(reasons).length
  expect(readme).toContain(`one of [${number} reasons]`)
  expect(read('docs/comparison.md')).toContain(`one of ${number} reasons`)
  expect(read('docs/troubleshooting.md')).toContain(`one of ${number} reasons`)
})

test('docs/README.md links every page of docs/', () => {
  const index = read('docs/README.md')
  for (const page of [...pages, 'docs/api.md'].filter((path) => path !== 'docs/README.md')) {
    expect(index).toContain(`](${page.replace('docs/', '')})`)
  }
})
