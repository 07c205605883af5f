import { expect, test } from 'vitest'
import { parseOptions } from '../../../src/call/config.ts'
import { defaults } from '../../../src/call/defaults.ts'

test('defaults are valid options, and the same as no options', () => {
  const { probeIntervalMs, ...forResolve } = defaults
  expect(parseOptions(defaults, 'watch')).toEqual(parseOptions({}, 'watch'))
  expect(parseOptions(forResolve, 'resolve')).toEqual(parseOptions({}, 'resolve'))
  expect(parseOptions({}, 'watch')).toMatchObject({ probeIntervalMs })
})

test('defaults cannot be changed', () => {
  for (const value of [defaults, defaults.retry, defaults.expect]) expect(Object.isFrozen(value)).toBe(true)
})
