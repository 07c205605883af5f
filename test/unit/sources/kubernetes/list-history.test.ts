import { expect, test } from 'vitest'
import type { EndpointSlice } from '../../../../src/sources/kubernetes/endpoint-slices.ts'
import { ListHistory } from '../../../../src/sources/kubernetes/list-history.ts'
import type { SliceList } from '../../../../src/sources/kubernetes/list-history.ts'
import type { Snapshot } from '../../../../src/sources/source.ts'

const listOf = (version: bigint, slices: Readonly<Record<string, bigint>>): SliceList => ({
  version,
  slices: new Map(
    Object.entries(slices).map(([name, resourceVersion]): [string, EndpointSlice] => [
      name,
      { name, uid: name, resourceVersion, generation: 1n, addresses: [name] },
    ]),
  ),
})

/** Returns the revision and the addresses of a snapshot, and the version of the store. */
const partsOf = ({ modRevision, value, revision }: Snapshot) => ({
  revision: modRevision,
  addresses: value === undefined ? [] : (JSON.parse(Buffer.from(value).toString()) as string[]),
  version: revision,
})

/** Returns a history whose slice b was deleted at version 90, and the version at which a read starts then. */
function historyOfDeletion() {
  const history = new ListHistory()
  history.ofList(listOf(80n, { a: 50n, b: 60n }), history.version)
  const latest = history.ofEvent(listOf(90n, { a: 50n }))
  return { history, latest, before: history.version }
}

test('ListHistory keeps the revision of a list that a bookmark overtakes', () => {
  const { history, latest, before } = historyOfDeletion()
  history.ofBookmark(listOf(105n, { a: 50n }), latest)
  const late = history.ofList(listOf(100n, { a: 50n }), before)
  expect(partsOf(late)).toEqual({ revision: 90n, addresses: ['a'], version: 100n })
  expect(history.version).toBe(105n)
})

test('ListHistory keeps the revision of an event that overtakes a list', () => {
  const { history, before } = historyOfDeletion()
  history.ofEvent(listOf(110n, { a: 50n, c: 110n }))
  const late = history.ofList(listOf(100n, { a: 50n }), before)
  expect(partsOf(late)).toEqual({ revision: 100n, addresses: ['a'], version: 100n })
  const next = history.ofList(listOf(120n, { a: 50n, c: 110n }), history.version)
  expect(partsOf(next)).toEqual({ revision: 110n, addresses: ['a', 'c'], version: 120n })
})

test('ListHistory gives a list no revision above its version when an event with the same addresses overtakes it', () => {
  const { history, before } = historyOfDeletion()
  history.ofEvent(listOf(110n, { a: 110n }))
  const late = history.ofList(listOf(100n, { a: 50n }), before)
  expect(partsOf(late)).toEqual({ revision: 100n, addresses: ['a'], version: 100n })
})

test('ListHistory starts again with a list that is older than the store was when the read started', () => {
  const { history, latest } = historyOfDeletion()
  history.ofBookmark(listOf(105n, { a: 50n }), latest)
  const restored = history.ofList(listOf(104n, { a: 50n }), history.version)
  expect(partsOf(restored)).toEqual({ revision: 50n, addresses: ['a'], version: 104n })
  expect(history.version).toBe(104n)
})
