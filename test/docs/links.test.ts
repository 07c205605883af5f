import { execFileSync } from 'node:child_process'
import { existsSync, globSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { expect, test } from 'vitest'
import manifest from '../../package.json' with { type: 'json' }
import { anchors, documents, read, root, withoutCode } from '../support/documents.ts'

const { repository } = manifest as { repository?: { readonly url: string } }
/** The address of the files on the web; `undefined` until package.json names the repository. */
const web = repository && `${repository.url.replace(/^git\+/, '').replace(/\.git$/, '')}/blob/main/`

const others = globSync('{examples/*,bench}/README.md', { cwd: root })

/** Returns the targets of inline links and of link definitions. */
function targets(markdown: string): string[] {
  const text = withoutCode(markdown).replace(/`[^`\n]*`/g, '')
  return [...text.matchAll(/\]\(([^)\s]+)\)|^\[[^\]]+\]: (\S+)$/gm)].map(
    ([, inline, defined]) => inline ?? defined ?? '',
  )
}

const isLocal = (target: string) => !/^https?:/.test(target) || (web !== undefined && target.startsWith(web))

test.for([...documents, ...others])('every link of %s leads to a file and a heading that exist', (document) => {
  for (const target of targets(read(document)).filter(isLocal)) {
    const local = web === undefined ? target : target.replace(web, '')
    const [path = '', anchor] = local.split('#')
    const folder = local === target ? dirname(document) : '.'
    const file = path === '' ? document : normalize(join(folder, path))
    expect([target, existsSync(join(root, file))]).toEqual([target, true])
    if (anchor !== undefined) expect(anchors(read(file))).toContain(anchor)
  }
})

test.for(documents)('every reference link of %s has a definition, and every definition is used', (document) => {
  const text = withoutCode(read(document)).replace(/`[^`\n]*`/g, '')
  const defined = [...text.matchAll(/^\[([^\]]+)\]: /gm)].map(([, label = '']) => label.toLowerCase())
  const body = text.replace(/^\[[^\]]+\]: .*$/gm, '')
  const used = [...body.matchAll(/\[([^\]]+)\](?!\()(?:\[([^\]]+)\])?/g)].map(([, label = '', reference]) =>
    (reference ?? label).toLowerCase(),
  )
  expect([...new Set(used)].filter((label) => label !== 'unreleased').toSorted()).toEqual(defined.toSorted())
})

test('README links to files by absolute URLs as soon as package.json names the repository', () => {
  const links = targets(read('README.md')).filter((target) => !target.startsWith('#'))
  expect(links.length).toBeGreaterThan(5)
  const relative = links.filter((target) => !target.startsWith('https:'))
  expect(relative.length > 0).toBe(web === undefined)
})

test('the command in CONTRIBUTING.md makes all links of README absolute', () => {
  const [, command = ''] = /sed -i -E '(.+)' README\.md/.exec(read('CONTRIBUTING.md')) ?? []
  const links = targets(execFileSync('sed', ['-E', command], { input: read('README.md'), encoding: 'utf8' }))
  expect(links.length).toBeGreaterThan(5)
  expect(links.filter((link) => !link.startsWith('https:') && !link.startsWith('#'))).toEqual([])
  expect(links).toContain(`${web ?? 'https://github.com/OWNER/NAME/blob/main/'}docs/options.md`)
})
