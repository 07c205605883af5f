import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { formatDuration, parseDuration } from '../../../src/command/duration.ts'
import { fuzzSeed } from '../../support/fuzz.ts'

test.for([
  ['0', 0],
  ['250ms', 250],
  ['3s', 3000],
  ['1.1s', 1100],
  ['1m30s', 90_000],
  ['1h', 3_600_000],
  ['infinity', Infinity],
] as const)('parseDuration returns the milliseconds of %s', ([text, ms]) => expect(parseDuration(text)).toBe(ms))

test.for(['', '3', '-3s', '3 s', '3d', 's', '1.s', '.5s', '1e3s', '3sm', '3S', 'Infinity', '٣s'])(
  'parseDuration returns undefined for "%s"',
  (text) => expect(parseDuration(text)).toBeUndefined(),
)

test('parseDuration adds the parts of a text', () => {
  const unit = fc.constantFrom(['ms', 1], ['s', 1000], ['m', 60_000], ['h', 3_600_000] as const)
  const parts = fc.array(fc.tuple(fc.nat(100_000), unit), { minLength: 1 })
  fc.assert(
    fc.property(parts, (given) => {
      const text = given.map(([value, [name]]) => `${value}${name}`).join('')
      expect(parseDuration(text)).toBe(given.reduce((sum, [value, [, ms]]) => sum + value * ms, 0))
    }),
    { seed: fuzzSeed },
  )
})

test('parseDuration returns whole milliseconds or undefined for any text', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'0123456789.-+ emsh'.split('')) }), (text) => {
      const ms = parseDuration(text)
      expect(ms === undefined || (Number.isInteger(ms) && ms >= 0)).toBe(true)
    }),
    { seed: fuzzSeed },
  )
})

test('formatDuration returns at most seven characters', () => {
  expect([0, 49, 999, 59_949, 59_950, 119_500, 3_599_499, 3_599_500, 54_000_000].map(formatDuration)).toEqual([
    '0.0s',
    '0.0s',
    '1.0s',
    '59.9s',
    '1m00s',
    '2m00s',
    '59m59s',
    '1h00m',
    '15h00m',
  ])
  const ms = fc.integer({ min: 0, max: 99 * 3_600_000 })
  fc.assert(
    fc.property(ms, (duration) => formatDuration(duration).length <= 7),
    { seed: fuzzSeed },
  )
})
