import { expect, test } from 'vitest'
import { randomWrites } from '../../../robustness/random/writes.ts'
import { SeededRandom } from '../../support/random.ts'
import { usedRandom } from '../fixtures.ts'

test('randomWrites depends on the seed only', () => {
  const plan = (random: SeededRandom) => {
    const writes = randomWrites(random.fork('writes'))
    return Array.from({ length: 50 }, () => writes.next().value)
  }
  expect(plan(new SeededRandom(1))).toEqual(plan(usedRandom(1)))
  expect(plan(new SeededRandom(1))).not.toEqual(plan(new SeededRandom(2)))
})
