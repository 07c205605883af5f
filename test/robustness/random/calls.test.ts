import { expect, test } from 'vitest'
import { randomCall } from '../../../robustness/random/calls.ts'
import { SeededRandom } from '../../support/random.ts'
import { usedRandom } from '../fixtures.ts'

test('randomCall depends on the seed only', () => {
  const plan = (random: SeededRandom) => Array.from({ length: 50 }, (_, n) => randomCall(random.fork(`${n}`), 'etcd'))
  expect(plan(new SeededRandom(1))).toEqual(plan(usedRandom(1)))
  expect(plan(new SeededRandom(1))).not.toEqual(plan(new SeededRandom(2)))
})
