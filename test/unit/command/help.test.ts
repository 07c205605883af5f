import { expect, test } from 'vitest'
import { defaults } from '../../../src/call/defaults.ts'
import { readCommandLine } from '../../../src/command/arguments.ts'
import { flags, variableOf } from '../../../src/command/flags.ts'
import { help } from '../../../src/command/help.ts'
import { levels } from '../../../src/command/value-types.ts'
import { defaultDataDir, defaultEndpoints, defaultKey, defaultTlsFiles } from '../../../src/rke2.ts'
import type { Distribution } from '../../../src/rke2.ts'
import { sourceDefaults } from '../../../src/sources/defaults.ts'
import type { SourceKind } from '../../../src/sources/source.ts'
import { runCommand } from '../../support/run-command.ts'

test('--help prints every flag, within 80 columns', async () => {
  const { code, stdout, stderr } = await runCommand('--help')
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  for (const [flag, { short }] of Object.entries(flags)) {
    const names = short === undefined ? `--${flag}` : `-${short}, --${flag}`
    expect(stdout).toMatch(new RegExp(`^  ${names}( [A-Z]+)? {2,}\\S`, 'm'))
  }
  expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([])
})

test('--help has the examples before the flags, and a link to the documents', () => {
  const [start = '', end = ''] = help.split('What to wait for:')
  expect(start.match(/^ {4}rke2-apiserver-resolver /gm)?.length).toBeGreaterThan(2)
  expect(end).toContain('docs/cli.md')
})

test('the examples of --help are valid command lines', () => {
  const [, examples = ''] = /^Examples:\n(.*?)\n\n/ms.exec(help) ?? []
  const lines = [...examples.matchAll(/rke2-apiserver-resolver (.*)/g)].map(([, args = '']) => args.split(' '))
  expect(lines).toHaveLength(4)
  for (const args of lines) expect(readCommandLine(args, {})).toHaveProperty('options')
})

test('--help shows the variable of every flag', () => {
  const [, prefix = '', list = ''] =
    /its variable,\n(\w+) with one of these endings:\n(.*?)\nFor a flag/s.exec(help) ?? []
  const shown = list
    .trim()
    .split(/,\s+/)
    .map((ending) => prefix + ending)
  expect(shown).toEqual(Object.keys(flags).flatMap((name) => variableOf(name) ?? []))
})

test('--help says for which flags a variable is 1, true, 0 or false', () => {
  const text = 'For a flag that takes no value, such as --watch, the variable is 1 or true, or 0 or false.'
  expect(help.replaceAll('\n', ' ')).toContain(text)
  expect(flags['watch']).not.toHaveProperty('type')
})

test('--help names every level of --log-level', () => {
  for (const name of levels) expect(flags['log-level']?.help).toContain(name)
})

test('--help explains each flag without a reference to the flag before it', () => {
  for (const flag of Object.values(flags)) expect(flag.help).not.toMatch(/\bits\b/)
})

/**
 * Returns the default in the help text of the flag that sets an option: the text in parentheses at its end, or the part of
 * it that is for the source.
 */
function shownDefault(option: string, source: SourceKind = 'etcd'): unknown {
  const { help: text, type } = Object.values(flags).find((flag) => flag.option === option)!
  const [, all] = /\(([^()]+)\)$/.exec(text) ?? []
  if (all === undefined) return undefined
  const [, etcd, kubernetes] = /^etcd: (.*?)(?:, kubernetes: (.*))?$/.exec(all) ?? [undefined, all, all]
  const shown = (source === 'etcd' ? etcd : kubernetes) ?? ''
  if (shown === 'no limit') return Infinity
  return type?.isList === true ? shown.split(',') : type?.parse(shown)
}

test.each(['etcd', 'kubernetes'] as const)('--help shows the defaults that depend on the source for %s', (source) => {
  for (const [name, value] of Object.entries(sourceDefaults[source])) {
    expect([name, shownDefault(name, source)]).toEqual([name, value])
  }
})

test('--help shows the default of every option as it is in the code', () => {
  const { retry, expect: expected, ...others } = defaults
  for (const [name, value] of Object.entries(others)) expect([name, shownDefault(name)]).toEqual([name, value])
  for (const [name, value] of Object.entries(retry)) {
    expect([name, shownDefault(`retry.${name}`)]).toEqual([name, value])
  }
  expect([expected, shownDefault('expect')]).toEqual([[], undefined])
})

test('--help shows the default paths and the key with placeholders', () => {
  const name = 'NAME' as Distribution
  expect(shownDefault('dataDir')).toBe(defaultDataDir(name))
  expect(shownDefault('key')).toBe(defaultKey(name))
  expect(shownDefault('endpoints')).toEqual(defaultEndpoints)
  const { caFile, certFile, keyFile } = defaultTlsFiles('DIR')
  expect(shownDefault('tls.caFile')).toBe(caFile)
  const folder = caFile.slice(0, caFile.lastIndexOf('/'))
  expect(shownDefault('tls.certFile')).toBe(certFile.replace(folder, '...'))
  expect(shownDefault('tls.keyFile')).toBe(keyFile.replace(folder, '...'))
})
