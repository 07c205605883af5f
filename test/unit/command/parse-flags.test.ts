import { expect, test } from 'vitest'
import { parseFlags } from '../../../src/command/parse-flags.ts'

test('parseFlags returns everything after -- as the program, also what looks like a flag', () => {
  expect(parseFlags(['--min', '3', '--', 'sh', '-c', 'exit 3', '--', '--min', '--nope'])).toEqual({
    values: expect.objectContaining({ min: ['3'] }),
    program: ['sh', '-c', 'exit 3', '--', '--min', '--nope'],
  })
})

test('parseFlags returns no program without --, and an empty one with nothing after it', () => {
  expect([parseFlags(['--json']).program, parseFlags(['--json', '--']).program]).toEqual([undefined, []])
})

test('parseFlags does not take -- for the value of a flag', () => {
  expect(() => parseFlags(['--min', '--', 'true'])).toThrow("Option '--min' argument is ambiguous")
})
