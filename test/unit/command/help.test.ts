import { expect, test } from 'vitest'
import { defaults } from '../../../src/call/defaults.ts'
import { flags } from '../../../src/command/flags.ts'
import { defaultDataDir, defaultEndpoints, defaultKey, defaultTlsFiles } from '../../../src/rke2.ts'
import type { Distribution } from '../../../src/rke2.ts'
import { sourceDefaults } from '../../../src/sources/defaults.ts'
import type { SourceKind } from '../../../src/sources/source.ts'
import { runCommand } from '../../support/run-command.ts'

test('--help prints every flag, within 80 columns', async () => {
  const { code, stdout, stderr } = await runCommand('--help')
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  for (const flag of Object.keys(flags)) expect(stdout).toMatch(new RegExp(`^  --${flag}( [A-Z]+)? {2,}\\S`, 'm'))
  expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([])
})

/**
 * Returns the default in the help text of the flag that sets an option: the text in parentheses at its end, or the part of
 * it that is for the source.
 */
function shownDefault(option: string, source: SourceKind = 'etcd'): unknown {
  const { help, type } = Object.values(flags).find((flag) => flag.option === option)!
  const [, all] = /\(([^()]+)\)$/.exec(help) ?? []
  if (all === undefined) return undefined
  const [, etcd, kubernetes] = /^etcd: (.*?)(?:, kubernetes: (.*))?$/.exec(all) ?? [undefined, all, all]
  const text = (source === 'etcd' ? etcd : kubernetes) ?? ''
  if (text === 'no limit') return Infinity
  return type?.isList === true ? text.split(',') : type?.parse(text)
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
