import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { codeSpans, read, root, rows, section } from '../support/documents.ts'
import { eventTypes } from '../support/event-types.ts'

const page = read('docs/events.md')

test('docs/events.md explains every event, and no other', () => {
  const explained = rows(`${section(page, 'Events of every call')}\n${section(page, 'Events of a watch')}`)
  expect(explained.flatMap(([type = '']) => codeSpans(type))).toEqual(eventTypes)
})

test('docs/events.md has every field of every event, and no other', () => {
  const shown = new Map<string, string[]>(eventTypes.map((type) => [type, []]))
  let fields: string[] | undefined
  for (const [event = '', names = ''] of rows(section(page, 'Fields'))) {
    fields = shown.get(codeSpans(event)[0] ?? '') ?? fields
    fields?.push(...codeSpans(names))
  }
  for (const [type, names] of shown) expect([type, ...names.toSorted()]).toEqual([type, ...fieldsOf(type).toSorted()])
})

test('docs/events.md names the level of every event in the log', () => {
  const log = new Set(codeSpans(section(page, 'Log')))
  for (const type of eventTypes) expect(log).toContain(type)
})

test('docs/events.md explains every warning of the process, and no other', () => {
  const files = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.ts'),
  )
  const codes = files.flatMap(
    (name) => read(join('src', name)).match(/(?<=code = ')RKE2_APISERVER_RESOLVER_\w+(?=')/g) ?? [],
  )
  const explained = new Set(page.match(/RKE2_APISERVER_RESOLVER_\w+/g))
  expect(codes).toHaveLength(2)
  expect([...explained].toSorted()).toEqual(codes.toSorted())
})

/** The fields of an event in the API report, with those that it inherits. */
function fieldsOf(type: string): string[] {
  const interfaces = new Map(
    [...read('docs/api.md').matchAll(/^export interface (\w+)(?: extends (\w+))? \{\n(.*?)^\}/gms)].map(
      ([, name = '', base, body = '']) => [name, { base, body }],
    ),
  )
  const all = (name: string): string[] => {
    const { base, body = '' } = interfaces.get(name) ?? {}
    const own = [...body.matchAll(/^ {2}readonly (\w+)\??:/gm)].map(([, field = '']) => field)
    return [...own, ...(base === undefined ? [] : all(base))]
  }
  return all(`${type[0]?.toUpperCase()}${type.slice(1)}Event`).filter((field) => field !== 'type')
}
