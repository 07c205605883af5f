import { expect, test } from 'vitest'
import { etcdWeights, randomFaults } from '../../../robustness/random/faults.ts'
import { SeededRandom } from '../../support/random.ts'
import { usedRandom } from '../fixtures.ts'

test('randomFaults depends on the seed only', () => {
  const plan = (random: SeededRandom) => {
    const faults = randomFaults(random.fork('faults'), etcdWeights)
    return Array.from({ length: 50 }, () => faults.next().value)
  }
  expect(plan(new SeededRandom(1))).toEqual(plan(usedRandom(1)))
  expect(plan(new SeededRandom(1))).not.toEqual(plan(new SeededRandom(2)))
})
