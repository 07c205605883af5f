import fc from 'fast-check'
import { expect, test } from 'vitest'
import { difference } from '../../../src/addresses/list.ts'
import { RemovalDelay } from '../../../src/call/removal-delay.ts'

const start = (...addresses: string[]) => new RemovalDelay(addresses, 1n, 3000)

test('RemovalDelay adds an address at once', () => {
  const delay = start('a')
  expect(delay.store(['a', 'b'], 2n, 0)).toEqual({ addresses: ['a', 'b'], revision: 2n, added: ['b'], removed: [] })
  expect(delay.dueAt).toBe(Infinity)
})

test('RemovalDelay adds an address at once while a removal is pending', () => {
  const delay = start('a', 'b')
  expect(delay.store(['b', 'c'], 2n, 0)).toMatchObject({ addresses: ['a', 'b', 'c'], added: ['c'], removed: [] })
  expect(delay.pendingRemovals(1000)).toEqual({ addresses: ['a'], untilMs: 2000 })
})

test('RemovalDelay removes an address when it has been missing for shrinkDelayMs, and not before', () => {
  const delay = start('a', 'b')
  expect(delay.store(['a'], 2n, 1000)).toBeUndefined()
  expect(delay.dueAt).toBe(4000)
  expect(delay.removeDue(3999)).toBeUndefined()
  expect(delay.removeDue(4000)).toEqual({ addresses: ['a'], revision: 2n, added: [], removed: ['b'] })
  expect(delay.pendingRemovals(4000).addresses).toEqual([])
})

test('RemovalDelay drops a removal when the address returns, and starts it again when the address leaves again', () => {
  const delay = start('a', 'b')
  delay.store(['a'], 2n, 0)
  expect(delay.store(['a', 'b'], 3n, 2000)).toBeUndefined()
  expect(delay.removeDue(3000)).toBeUndefined()
  delay.store(['a'], 4n, 3500)
  expect(delay.dueAt).toBe(6500)
})

test('RemovalDelay does not start a removal again when the shorter list is written again', () => {
  const delay = start('a', 'b')
  delay.store(['a'], 2n, 0)
  delay.store(['a'], 3n, 2000)
  expect(delay.removeDue(3000)).toMatchObject({ removed: ['b'], revision: 3n })
})

test('RemovalDelay restarts every removal with the whole delay, and starts none', () => {
  const delay = start('a', 'b', 'c')
  delay.store(['a', 'b'], 2n, 0)
  delay.store(['a'], 3n, 1000)
  delay.restart(2500)
  expect(delay.pendingRemovals(2500)).toEqual({ addresses: ['b', 'c'], untilMs: 3000 })
  expect(delay.removeDue(5499)).toBeUndefined()
  expect(delay.removeDue(5500)).toMatchObject({ addresses: ['a'], removed: ['b', 'c'] })
})

test('RemovalDelay removes each of several addresses at its own time', () => {
  const delay = start('a', 'b', 'c')
  delay.store(['a', 'b'], 2n, 0)
  delay.store(['a'], 3n, 1000)
  expect(delay.pendingRemovals(2000)).toEqual({ addresses: ['b', 'c'], untilMs: 1000 })
  expect(delay.removeDue(3000)).toMatchObject({ removed: ['c'] })
  expect(delay.removeDue(4000)).toMatchObject({ removed: ['b'] })
})

test('RemovalDelay removes an address at once when shrinkDelayMs is 0', () => {
  expect(new RemovalDelay(['a', 'b'], 1n, 0).store(['a'], 2n, 0)).toMatchObject({ removed: ['b'] })
})

test('RemovalDelay removes no address when a list is stored, also if its removal is due', () => {
  const delay = start('a', 'b')
  delay.store(['a'], 2n, 0)
  expect(delay.store(['a', 'c'], 3n, 9000)).toMatchObject({ addresses: ['a', 'b', 'c'], added: ['c'], removed: [] })
  expect(delay.store(['a', 'b', 'c'], 4n, 9000)).toBeUndefined()
  expect(delay.removeDue(9000)).toBeUndefined()
})

test('RemovalDelay never publishes an empty list when all addresses are replaced', () => {
  const delay = start('a')
  expect(delay.store(['b'], 2n, 0)).toMatchObject({ addresses: ['a', 'b'], added: ['b'], removed: [] })
  expect(delay.removeDue(3000)).toMatchObject({ addresses: ['b'], added: [], removed: ['a'] })
})

test('RemovalDelay returns no change for the same list', () => {
  const delay = start('a', 'b')
  expect(delay.store(['a', 'b'], 2n, 0)).toBeUndefined()
  expect(delay.dueAt).toBe(Infinity)
})

test('RemovalDelay publishes exactly the addresses that were stored at any time in the last shrinkDelayMs', () => {
  const addresses = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd'), { minLength: 1 }).map((list) => list.toSorted())
  const step = fc.record({ list: fc.option(addresses, { nil: undefined }), ms: fc.nat(4000) })
  fc.assert(
    fc.property(addresses, fc.array(step), (first, steps) => {
      const delay = new RemovalDelay(first, 1n, 3000)
      let published: readonly string[] = first
      let now = 0
      const stored = [{ list: first, since: -Infinity }]
      for (const [index, { list, ms }] of steps.entries()) {
        now += ms
        if (list !== undefined) stored.push({ list, since: now })
        const added = list === undefined ? undefined : delay.store(list, BigInt(index), now)
        for (const change of [added, delay.removeDue(now)]) {
          if (change === undefined) continue
          expect(difference(published, change.addresses)).toEqual({ added: change.added, removed: change.removed })
          expect(change.added.length + change.removed.length).toBeGreaterThan(0)
          published = change.addresses
        }
        const until = (i: number) => stored[i + 1]?.since ?? Infinity
        const expected = new Set(stored.filter((_, i) => until(i) > now - 3000).flatMap((entry) => entry.list))
        expect(published).toEqual([...expected].toSorted())
      }
    }),
  )
})
