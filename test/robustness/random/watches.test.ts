import { expect, test } from 'vitest'
import { randomWatch } from '../../../robustness/random/watches.ts'
import { SeededRandom } from '../../support/random.ts'
import { usedRandom } from '../fixtures.ts'

test('randomWatch depends on the seed only', () => {
  const plan = (random: SeededRandom) =>
    Array.from({ length: 50 }, (_, n) => randomWatch(random.fork(`${n}`), n % 2 === 0, 'etcd'))
  expect(plan(new SeededRandom(1))).toEqual(plan(usedRandom(1)))
  expect(plan(new SeededRandom(1))).not.toEqual(plan(new SeededRandom(2)))
})
