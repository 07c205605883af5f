import { expect, test } from 'vitest'
import { level, list, number, text, time } from '../../../src/command/value-types.ts'

test.for([
  ['text', text('FILE'), ' a ', 'a'],
  ['text', text('FILE'), ' ', undefined],
  ['list', list('URL'), 'a', 'a'],
  ['number', number, '1.5', 1.5],
  ['number', number, '1e3', undefined],
  ['number', number, '-1', undefined],
  ['time', time, '3s', 3000],
  ['time', time, '3', undefined],
  ['level', level, 'warn', 'warn'],
  ['level', level, 'WARN', undefined],
] as const)('the value type %s parses a text, or returns undefined: %s %s %s', ([_name, type, given, value]) => {
  expect(type.parse(given)).toBe(value)
})
