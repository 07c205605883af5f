import { expect, test } from 'vitest'
import { flags } from '../../../src/command/flags.ts'
import { similarFlag } from '../../../src/command/suggestion.ts'

test.for([
  ['mim', '--min'],
  ['MIN', '--min'],
  ['mni', '--min'],
  ['minimum', '--min'],
  ['min-addresses', '--min'],
  ['tiemout', '--timeout'],
  ['timeout-ms', '--timeout'],
  ['endpoint', '--endpoints'],
  ['data_dir', '--data-dir'],
  ['datadir', '--data-dir'],
  ['ca-file', '--cacert'],
  ['username', '--user'],
  ['exp', '--expect'],
  ['v', '-V'],
  ['H', '-h'],
  ['x', undefined],
  ['nope', undefined],
  ['kubeconfig', undefined],
  ['follow', undefined],
  ['', undefined],
  ['min'.repeat(1000), undefined],
])('similarFlag returns for %s: %s', ([unknown = '', similar]) => {
  expect(similarFlag(unknown)).toBe(similar)
})

test('similarFlag returns the flag for each flag with one letter missing', () => {
  for (const name of Object.keys(flags).filter(({ length }) => length > 4)) {
    expect([name, similarFlag(name.slice(0, 2) + name.slice(3))]).toEqual([name, `--${name}`])
  }
})
