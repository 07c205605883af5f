import { expect, test } from 'vitest'
import { SliceHistory } from '../../../robustness/model/slice-history.ts'
import { a, b } from '../fixtures.ts'

/** Each state has its revision, the newest version of its slices, and its addresses. */
function historyOf(...states: [revision: number, newest: number, addresses: readonly string[]][]): SliceHistory {
  const history = new SliceHistory()
  for (const [index, [revision, newest, addresses]] of states.entries()) {
    const kind = addresses.length > 0 ? 'list' : 'not-set'
    const times = { sentAt: index, completedAt: index }
    history.add({ kind, text: addresses.join(), addresses, epoch: 0, revision, newest, ...times })
  }
  return history
}

/** Returns the revisions up to 30 with which a client may report a state. */
const revisionsOf = (history: SliceHistory, index: number) =>
  Array.from({ length: 31 }, (_, revision) => revision).filter((revision) => history.hasRevision(index, revision))

test('SliceHistory gives a list that was written the revision of the write', () => {
  const history = historyOf([10, 10, [a]], [20, 20, [a, b]])
  expect(revisionsOf(history, 1)).toEqual([10])
  expect(revisionsOf(history, 2)).toEqual([20])
})

test('SliceHistory gives the list after a deletion the newest version of its slices, or one of the store', () => {
  const history = historyOf([10, 10, [a]], [20, 20, [a, b]], [25, 10, [a]], [28, 28, [b]])
  expect(revisionsOf(history, 3)).toEqual([10, 25, 26, 27])
})

test('SliceHistory gives the list after a deletion the revision at which the same list was seen', () => {
  const history = historyOf([10, 10, [a, b]], [20, 20, [a, b]], [25, 10, [a, b]], [28, 28, [b]])
  expect(revisionsOf(history, 3)).toEqual([10, 20, 25, 26, 27])
})

test('SliceHistory gives a list without slices each version of the store at which there was none', () => {
  const history = historyOf([3, 3, [a]], [5, 0, []], [8, 8, [b]])
  expect(revisionsOf(history, 0)).toEqual([0, 1, 2])
  expect(revisionsOf(history, 2)).toEqual([0, 1, 2, 5, 6, 7])
})
