import { expect, test } from 'vitest'
import { flags } from '../../src/command/flags.ts'
import { help } from '../../src/command/help.ts'
import { codeSpans, read, rows, section } from '../support/documents.ts'

const page = read('docs/cli.md')

test('docs/cli.md has every flag, with its option and its variable', () => {
  const shown = rows(section(page, 'Flags')).map((cells) => cells.flatMap(codeSpans))
  const expected = Object.entries(flags).map(([name, { option, etcdctlVariable }]) =>
    [`--${name}`, option, etcdctlVariable].filter((text) => text !== undefined),
  )
  expect(shown).toEqual(expected)
})

test('docs/cli.md explains the exit codes that --help explains', () => {
  const explained = rows(section(page, 'Exit codes')).map(([code]) => code)
  const [, status = ''] = help.split('Exit status:\n')
  expect(explained).toContain('0')
  expect(explained).toEqual([...status.matchAll(/^ {2}(\d[\d, ]*?) {2}/gm)].map(([, code]) => code))
})
