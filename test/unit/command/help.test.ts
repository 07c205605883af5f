import { expect, test } from 'vitest'
import { defaults } from '../../../src/call/defaults.ts'
import { flags } from '../../../src/command/flags.ts'
import { defaultDataDir, defaultKey, defaultTlsFiles } from '../../../src/rke2.ts'
import type { Distribution } from '../../../src/rke2.ts'
import { runCommand } from '../../support/run-command.ts'

test('--help prints every flag, within 80 columns', async () => {
  const { code, stdout, stderr } = await runCommand('--help')
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  for (const flag of Object.keys(flags)) expect(stdout).toMatch(new RegExp(`^  --${flag}( [A-Z]+)? {2,}\\S`, 'm'))
  expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([])
})

/** Returns the default in the help text of the flag that sets an option: the text in parentheses at its end. */
function shownDefault(option: string): unknown {
  const { help, type } = Object.values(flags).find((flag) => flag.option === option)!
  const [, text] = /\(([^()]+)\)$/.exec(help) ?? []
  if (text === undefined) return undefined
  if (text === 'no limit') return Infinity
  return type?.isList === true ? text.split(',') : type?.parse(text)
}

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
  const { caFile, certFile, keyFile } = defaultTlsFiles('DIR')
  expect(shownDefault('tls.caFile')).toBe(caFile)
  const folder = caFile.slice(0, caFile.lastIndexOf('/'))
  expect(shownDefault('tls.certFile')).toBe(certFile.replace(folder, '...'))
  expect(shownDefault('tls.keyFile')).toBe(keyFile.replace(folder, '...'))
})
