import { expect, test } from 'vitest'
import { flagOf, flags, groups } from '../../../src/command/flags.ts'

test('flags has every flag of the groups of --help, once', () => {
  expect(Object.keys(flags)).toEqual(Object.values(groups).flatMap((group) => Object.keys(group)))
})

test('flagOf returns the flag that sets an option, and the option itself if there is no such flag', () => {
  expect(flagOf('tls.certFile')).toBe('--cert')
  expect(flagOf('logger')).toBe('--logger')
})
