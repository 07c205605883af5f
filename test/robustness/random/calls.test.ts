import { expect, test } from 'vitest'
import { randomCall } from '../../../robustness/random/calls.ts'
import { SeededRandom } from '../../support/random.ts'
import { usedRandom } from '../fixtures.ts'

test('randomCall depends on the seed only', () => {
  const plan = (random: SeededRandom) => Array.from({ length: 50 }, (_, n) => randomCall(random.fork(`${n}`), 'etcd'))
  expect(plan(new SeededRandom(1))).toEqual(plan(usedRandom(1)))
  expect(plan(new SeededRandom(1))).not.toEqual(plan(new SeededRandom(2)))
})

test('randomCall of the source kubernetes reads one or both of two apiservers', () => {
  const random = new SeededRandom(1)
  const endpoints = Array.from({ length: 200 }, (_, n) => randomCall(random.fork(`${n}`), 'kubernetes').endpoints)
  expect([...new Set(endpoints.map((each) => each.join()))].toSorted()).toEqual(['0', '0,1', '1', '1,0'])
})
