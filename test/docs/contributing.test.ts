import { globSync, readdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { expect, test } from 'vitest'
import manifest from '../../package.json' with { type: 'json' }
import { reasons } from '../../src/sources/reasons.ts'
import { codeBlocks, codeSpans, read, root, rows, section, withoutCode } from '../support/documents.ts'

const contributing = read('CONTRIBUTING.md')

test('the map in CONTRIBUTING.md has every file of src, and no other', () => {
  const files = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.ts'),
  )
  const named = readTree().filter(({ path }) => path.endsWith('.ts'))
  expect(named.map(({ path }) => path).toSorted()).toEqual(files.map((name) => `src/${name}`).toSorted())
})

test('the map in CONTRIBUTING.md says of every file and folder what is in it', () => {
  expect(readTree().filter(({ text }) => text === '')).toEqual([])
})

test('CONTRIBUTING.md names the files of src that import etcd3 or gRPC', () => {
  const importing = globSync('src/**/*.ts', { cwd: root }).filter((file) => /'(etcd3|@grpc)\b/.test(read(file)))
  const [sentence = ''] = /know etcd3 and gRPC: .*?\n\n/s.exec(section(contributing, 'Map of src')) ?? []
  const named = codeSpans(sentence).filter((name) => name.endsWith('.ts'))
  expect(named.toSorted()).toEqual(importing.map((file) => basename(file)).toSorted())
})

test.for(['test', 'robustness'])('CONTRIBUTING.md says of every folder of %s what is in it', (parent) => {
  const folders = new Set(globSync(`${parent}/*/**/*.{ts,sh}`, { cwd: root }).map((file) => file.split('/')[1]))
  const named = rows(contributing).flatMap(([name = '']) =>
    codeSpans(name).filter((text) => text.startsWith(`${parent}/`)),
  )
  expect(named.toSorted()).toEqual([...folders].map((folder) => `${parent}/${folder}`).toSorted())
})

test('CONTRIBUTING.md names every column of the table of reasons', () => {
  const columns = codeSpans(section(contributing, 'The table of reasons')).filter((name) =>
    /^[a-z]+[A-Z]?\w+$/.test(name),
  )
  for (const column of Object.keys(reasons.incomplete)) expect(columns).toContain(column)
})

test('every npm script in the table of CONTRIBUTING.md exists', () => {
  const scripts = rows(section(contributing, 'Commands')).map(([command = '']) => /`npm run (.+)`/.exec(command)?.[1])
  expect(scripts.length).toBeGreaterThan(5)
  for (const script of scripts) expect(Object.keys(manifest.scripts)).toContain(script)
})

test.for(['CONTRIBUTING.md', 'SECURITY.md'])('every path of the repository that %s names exists', (document) => {
  const paths = codeSpans(withoutCode(read(document))).filter((text) =>
    /^(src|test|bench|demo|robustness|examples)\/[\w./*-]+$/.test(text),
  )
  expect(paths.length).toBeGreaterThan(1)
  for (const path of paths) expect([path, globSync(path, { cwd: root }).length > 0]).toEqual([path, true])
})

/** Returns the lines of the map with their paths. A folder ends with a slash, and its files are indented below it. */
function readTree(): { readonly path: string; readonly text: string }[] {
  const [tree = ''] = codeBlocks(section(contributing, 'Map of src'), 'text')
  const folders: string[] = []
  return tree
    .trimEnd()
    .split('\n')
    .map((line) => {
      const [, indent = '', name = '', text = ''] = /^( *)(\S+) *(.*)$/.exec(line) ?? []
      const path = [...folders.slice(0, indent.length / 2), name].join('')
      if (name.endsWith('/')) folders.splice(indent.length / 2, Infinity, name)
      return { path, text }
    })
}
