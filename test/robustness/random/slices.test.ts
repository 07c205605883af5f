import { expect, test } from 'vitest'
import { addressesOf } from '../../../robustness/model/slices.ts'
import type { SliceEndpoint } from '../../../robustness/model/slices.ts'
import { randomSliceWrites } from '../../../robustness/random/slices.ts'
import { SeededRandom } from '../../support/random.ts'
import { usedRandom } from '../fixtures.ts'

function plan(random: SeededRandom, count: number) {
  const writes = randomSliceWrites(random.fork('writes'))
  return Array.from({ length: count }, () => writes.next().value)
}

test('randomSliceWrites depends on the seed only', () => {
  expect(plan(new SeededRandom(1), 50)).toEqual(plan(usedRandom(1), 50))
  expect(plan(new SeededRandom(1), 50)).not.toEqual(plan(new SeededRandom(2), 50))
})

test('randomSliceWrites has every kind of write, and repairs each list that is empty', () => {
  const writes = plan(new SeededRandom(1), 1000)
  const kinds = new Set(writes.map(({ kind }) => kind))
  expect([...kinds].toSorted()).toEqual([
    'delete slice',
    'empty',
    'flap',
    'join',
    'leave',
    'not ready',
    'repair',
    'rewrite',
    'unrelated',
  ])
  const slices = new Map<string, readonly SliceEndpoint[]>()
  let emptyFor = 0
  for (const { write } of writes) {
    if (write.type === 'put') slices.set(write.name, write.endpoints)
    else if (write.type === 'delete') slices.delete(write.name)
    emptyFor = addressesOf(slices.values()).length === 0 ? emptyFor + 1 : 0
    expect(emptyFor).toBeLessThan(8)
  }
})
