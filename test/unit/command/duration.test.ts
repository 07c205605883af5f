import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatDuration, parseDuration } from '../../../src/command/duration.ts'

describe('durations', () => {
  test.for([
    ['0', 0],
    ['250ms', 250],
    ['3s', 3000],
    ['1.1s', 1100],
    ['1m30s', 90_000],
    ['1h', 3_600_000],
    ['infinity', Infinity],
  ] as const)('%s', ([text, ms]) => expect(parseDuration(text)).toBe(ms))

  test.for(['', '3', '-3s', '3 s', '3d', 's', '1.s', '.5s', '1e3s', '3sm', '3S', 'Infinity', '٣s'])(
    'not "%s"',
    (text) => expect(parseDuration(text)).toBeUndefined(),
  )

  test('are the sum of their parts', () => {
    const unit = fc.constantFrom(['ms', 1], ['s', 1000], ['m', 60_000], ['h', 3_600_000] as const)
    const parts = fc.array(fc.tuple(fc.nat(100_000), unit), { minLength: 1 })
    fc.assert(
      fc.property(parts, (given) => {
        const text = given.map(([value, [name]]) => `${value}${name}`).join('')
        expect(parseDuration(text)).toBe(given.reduce((sum, [value, [, ms]]) => sum + value * ms, 0))
      }),
    )
  })

  test('are a number or nothing, whatever is given', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'0123456789.-+ emsh'.split('')) }), (text) => {
        const ms = parseDuration(text)
        expect(ms === undefined || (Number.isInteger(ms) && ms >= 0)).toBe(true)
      }),
    )
  })

  test('are shown in few characters', () => {
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
    fc.assert(fc.property(fc.integer({ min: 0, max: 99 * 3_600_000 }), (ms) => formatDuration(ms).length <= 7))
  })
})
