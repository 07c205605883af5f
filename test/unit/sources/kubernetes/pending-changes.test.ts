import { expect, test } from 'vitest'
import { PendingChanges } from '../../../../src/sources/kubernetes/pending-changes.ts'

const snapshot = (revision: bigint) => ({
  value: undefined,
  modRevision: revision,
  createRevision: 1n,
  version: revision,
  revision,
})

test('PendingChanges keeps 100 changes in their order until they are drained', () => {
  const changes = new PendingChanges()
  const all = Array.from({ length: 100 }, (_, index) => snapshot(BigInt(index + 1)))
  expect(all.map((each) => changes.add(each))).not.toContain(false)
  expect(changes.drain()).toEqual(all)
  expect([changes.hasChange, changes.drain()]).toEqual([false, []])
})

test('PendingChanges drops all changes when there are more, because a gap would hide that an address was back', () => {
  const changes = new PendingChanges()
  for (let revision = 1n; revision <= 100n; revision++) changes.add(snapshot(revision))
  expect(changes.add(snapshot(101n))).toBe(false)
  expect(changes.drain()).toEqual([])
})

test('PendingChanges replaces a snapshot by its bookmark', () => {
  const changes = new PendingChanges()
  changes.add(snapshot(5n))
  changes.addBookmark({ ...snapshot(5n), revision: 9n })
  expect(changes.drain()).toMatchObject([{ modRevision: 5n, revision: 9n }])
})
