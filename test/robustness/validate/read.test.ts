import { expect, test } from 'vitest'
import type { ReadRecord } from '../../../robustness/report/records.ts'
import { validateRead } from '../../../robustness/validate/read.ts'
import { a, b, c, listOf } from '../fixtures.ts'

/** A reader that had `a` gets `a` and `b`, while `emitted` are the lists that it may get. */
function read(added: readonly string[], emitted: readonly string[][]): ReadRecord {
  return {
    at: 1000,
    change: { ...listOf([a, b], 3), added, removed: [] },
    previous: [a],
    emitted: emitted.map((addresses) => listOf(addresses, 3)),
  }
}

test('validateRead accepts a list that was emitted', () => {
  expect(validateRead(read([b], [[a], [a, b]]))).toBeUndefined()
})

test.each([
  [
    'a change that does not lead from the previous list to this one',
    /the reader had 10.0.0.1:6443 and got/,
    read([c], [[a, b]]),
  ],
  ['a list that was emitted before the current one', /the reader got an old list/, read([b], [[a, b, c]])],
])('validateRead reports %s', (_title, problem, record) => {
  expect(validateRead(record)).toMatch(problem)
})
