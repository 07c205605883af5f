import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { expect, test } from 'vitest'
import { parseOptions } from '../../src/call/config.ts'
import { help } from '../../src/command/flags.ts'
import type { ApiserverAddressEvent } from '../../src/events.ts'
import { reasons } from '../../src/sources/reasons.ts'
import { expectToCompile } from '../support/compile.ts'

const root = join(import.meta.dirname, '../..')
const readme = readFileSync(join(root, 'README.md'), 'utf8')
const blocks = (language: string) =>
  [...readme.matchAll(new RegExp('^```' + language + '\\n(.*?)^```$', 'gms'))].map(([, text = '']) => text)
/** The first cells of the table under a heading of this text. */
const rows = (heading: string) => {
  const section = readme.split(/^## /m).find((text) => text.startsWith(heading)) ?? ''
  return [...section.matchAll(/^\| `([^`]+)`/gm)].map(([, name = '']) => name)
}

test('every TypeScript example is accepted by the compiler, with the types that are published', async () => {
  // Inside the project, so that the package's own name leads to it.
  const folder = mkdtempSync(join(root, 'test', '.readme-'))
  try {
    const files = blocks('ts').map((text, index) => {
      writeFileSync(join(folder, `${index}.ts`), `${text}\nexport {}\n`)
      return `${index}.ts`
    })
    expect(files.length).toBeGreaterThan(2)
    await expectToCompile(folder, files, '--module', 'nodenext')
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('every reason is explained, and no other', () => {
  expect(rows('What it says').toSorted()).toEqual(Object.keys(reasons).toSorted())
})

test('what is said to wait waits, and what is said to fail fails', () => {
  for (const [, reason = '', then = ''] of readme.matchAll(/^\| `([a-z-]+)` +\|[^|]+\| ([^|]+?) +\| /gm)) {
    const meaning = reasons[reason as keyof typeof reasons]
    if (meaning === undefined) continue
    expect([reason, then.split(/[ ;]/)[0]]).toEqual([reason, meaning.retryForMs === 0 ? 'fails' : 'waits'])
  }
})

test('every event is explained, and no other', () => {
  const types: Record<ApiserverAddressEvent['type'], true> = {
    attempt: true,
    phase: true,
    retry: true,
    probed: true,
    wake: true,
    resolved: true,
    failed: true,
    aborted: true,
    connected: true,
    disconnected: true,
    resynced: true,
    changed: true,
    held: true,
    ignored: true,
    closed: true,
  }
  expect(rows('Events')).toEqual(Object.keys(types))
})

test('every option is explained, with its default', () => {
  const names = Object.keys(parseOptions({}, 'watch')).filter((name) => name !== 'usesDataDir')
  expect(rows('Options').toSorted()).toEqual([...names, 'distribution'].toSorted())
  const { retry, timeoutMs, attemptTimeoutMs, shrinkDelayMs, settleMs, minAddresses, probeTimeoutMs } = parseOptions(
    {},
    'watch',
  )
  expect(readme).toContain(
    `{ initialDelayMs: ${retry.initialDelayMs}, maxDelayMs: ${retry.maxDelayMs}, factor: ${retry.factor}, jitter: '${retry.jitter}', maxAttempts: ${retry.maxAttempts} }`,
  )
  // Between half of the longest delay and the whole.
  const timesAMinute = Math.round(60_000 / (retry.maxDelayMs * 0.75))
  expect(readme.replace(/\s+/g, ' ')).toContain(`is tried ${timesAMinute} times a minute, and found within 2 s`)
  expect(retry.maxDelayMs).toBeLessThan(2000)
  for (const [name, value] of Object.entries({
    attemptTimeoutMs,
    shrinkDelayMs,
    settleMs,
    minAddresses,
    probeTimeoutMs,
  })) {
    expect(readme).toMatch(new RegExp(`\`${name}\` *\\| \`${value}\``))
  }
  expect(readme).toContain(`\`${String(timeoutMs).replace(/(\d{3})$/, '_$1')}\``)
})

test('every exit code is explained, as it is in --help', () => {
  const codes = (text: string, line: RegExp) => [...text.matchAll(line)].map(([, code]) => code)
  const [, status = ''] = help.split('Exit status:')
  const explained = codes(readme, /^\| (\d[\d, ]*?) +\|/gm)
  expect(explained).toContain('0')
  expect(explained).toEqual(codes(status, /^ {2}(\d[\d, ]*?) {2}/gm))
})

test('every link leads to a file or a heading that is there', () => {
  const headings = [...readme.matchAll(/^#+ (.+)$/gm)].map(([, text = '']) => text.toLowerCase())
  const anchors = headings.map((text) => `#${text.replace(/[^\w -]/g, '').replaceAll(' ', '-')}`)
  const targets = [...readme.matchAll(/\]\((?!https:)([^)]+)\)/g)].map(([, target = '']) => target)
  expect(targets.length).toBeGreaterThan(5)
  for (const target of targets) {
    // The API reference takes no folders.
    if (target.startsWith('#')) expect(anchors).toContain(target)
    else expect([target, statSync(join(root, target)).isFile()]).toEqual([target, true])
  }
})

test('the first screen has what it is, how to install it, and an example', () => {
  const screen = readme.split('\n').slice(0, 30).join('\n')
  for (const text of [
    '# rke2-apiserver-resolver',
    'npm install',
    'await resolveApiserverAddresses',
    'npm run demo',
    'npm test',
  ]) {
    expect(screen).toContain(text)
  }
})

test('the recording is of the demo as it is', () => {
  const [recording = ''] = blocks('text').filter((text) => text.includes('An RKE2 server boots'))
  const demo = readFileSync(join(root, 'demo/demo.ts'), 'utf8')
  const steps = [...demo.matchAll(/(?:step|write|writeList)\(['"](.+?)['"],/g)].map(([, story = '']) => story)
  expect(steps.length).toBeGreaterThan(5)
  for (const step of steps) expect(recording).toContain(step)
  expect(recording).toContain('exit code 0')
})

test('the map in CONTRIBUTING.md has every file of src, and no other', () => {
  const contributing = readFileSync(join(root, 'CONTRIBUTING.md'), 'utf8')
  const [, map = ''] = /## Map of src.*?```text\n(.*?)```/s.exec(contributing) ?? []
  // The files are on the left, each folder is named with its first file, and what they are for is on the right.
  const left = map.split('\n').map((line) => (line.includes('·') ? line : line.slice(0, 44)))
  const named = left.flatMap((line) => line.match(/[a-z-]+(?!\/)\b/g) ?? [])
  const files = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.ts'),
  )
  expect(named.toSorted()).toEqual(files.map((name) => basename(name, '.ts')).toSorted())
})
