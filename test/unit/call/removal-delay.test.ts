import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { difference } from '../../../src/addresses/list.ts'
import { RemovalDelay } from '../../../src/call/removal-delay.ts'

const start = (...addresses: string[]) => new RemovalDelay(addresses, 1n, 3000)

describe('growth', () => {
  test('counts at once', () => {
    const tracker = start('a')
    expect(tracker.store(['a', 'b'], 2n, 0)).toEqual({ addresses: ['a', 'b'], revision: 2n, added: ['b'], removed: [] })
    expect(tracker.dueAt).toBe(Infinity)
  })

  test('counts at once, while removals are pending', () => {
    const tracker = start('a', 'b')
    expect(tracker.store(['b', 'c'], 2n, 0)).toMatchObject({ addresses: ['a', 'b', 'c'], added: ['c'], removed: [] })
    expect(tracker.pendingRemovals).toEqual(['a'])
  })
})

describe('a shrink', () => {
  test('counts when it has lasted, and not a millisecond sooner', () => {
    const tracker = start('a', 'b')
    expect(tracker.store(['a'], 2n, 1000)).toBeUndefined()
    expect(tracker.dueAt).toBe(4000)
    expect(tracker.update(3999)).toBeUndefined()
    expect(tracker.update(4000)).toEqual({ addresses: ['a'], revision: 2n, added: [], removed: ['b'] })
    expect(tracker.pendingRemovals).toEqual([])
  })

  test('is dropped when the address returns, and begins anew when it leaves again', () => {
    const tracker = start('a', 'b')
    tracker.store(['a'], 2n, 0)
    expect(tracker.store(['a', 'b'], 3n, 2000)).toBeUndefined()
    expect(tracker.update(3000)).toBeUndefined()
    tracker.store(['a'], 4n, 3500)
    expect(tracker.dueAt).toBe(6500)
  })

  test('goes on while the shorter list is written again', () => {
    const tracker = start('a', 'b')
    tracker.store(['a'], 2n, 0)
    tracker.store(['a'], 3n, 2000)
    expect(tracker.update(3000)).toMatchObject({ removed: ['b'], revision: 3n })
  })

  test('of several addresses counts for each at its own time', () => {
    const tracker = start('a', 'b', 'c')
    tracker.store(['a', 'b'], 2n, 0)
    tracker.store(['a'], 3n, 1000)
    expect(tracker.pendingRemovals).toEqual(['b', 'c'])
    expect(tracker.update(3000)).toMatchObject({ removed: ['c'] })
    expect(tracker.update(4000)).toMatchObject({ removed: ['b'] })
  })

  test('counts at once where no delay is wanted', () => {
    expect(new RemovalDelay(['a', 'b'], 1n, 0).store(['a'], 2n, 0)).toMatchObject({ removed: ['b'] })
  })
})

test('a list of entirely different addresses never leaves the reader with none', () => {
  const tracker = start('a')
  expect(tracker.store(['b'], 2n, 0)).toMatchObject({ addresses: ['a', 'b'], added: ['b'], removed: [] })
  expect(tracker.update(3000)).toMatchObject({ addresses: ['b'], added: [], removed: ['a'] })
})

test('the same list again is no change', () => {
  const tracker = start('a', 'b')
  expect(tracker.store(['a', 'b'], 2n, 0)).toBeUndefined()
  expect(tracker.dueAt).toBe(Infinity)
})

// Another way to say it: told is whatever was stored at some moment of the last `shrinkDelayMs`.
test('for any sequence of lists, an address is told from when it is stored until it has been gone for the delay', () => {
  const addresses = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd'), { minLength: 1 }).map((list) => list.toSorted())
  const step = fc.record({ list: fc.option(addresses, { nil: undefined }), ms: fc.nat(4000) })
  fc.assert(
    fc.property(addresses, fc.array(step), (first, steps) => {
      const tracker = new RemovalDelay(first, 1n, 3000)
      let told: readonly string[] = first
      let now = 0
      const stored = [{ list: first, since: -Infinity }]
      for (const [index, { list, ms }] of steps.entries()) {
        now += ms
        if (list !== undefined) stored.push({ list, since: now })
        const change = list === undefined ? tracker.update(now) : tracker.store(list, BigInt(index), now)
        if (change !== undefined) {
          expect(difference(told, change.addresses)).toEqual({ added: change.added, removed: change.removed })
          expect(change.added.length + change.removed.length).toBeGreaterThan(0)
          told = change.addresses
        }
        const until = (i: number) => stored[i + 1]?.since ?? Infinity
        const expected = new Set(stored.filter((_, i) => until(i) > now - 3000).flatMap((entry) => entry.list))
        expect(told).toEqual([...expected].toSorted())
      }
    }),
  )
})
