import type { History, KeyState } from '../model/history.ts'

/** A list that the library returned between two moments. */
export interface ReturnedList {
  readonly addresses: readonly string[]
  readonly revision: number
  readonly start: number
  readonly end: number
  /** How long the list has to have been unchanged at `end`. */
  readonly settleMs: number
}

/** Returns why the list cannot be what etcd stored at some moment between the two. */
export function validateStoredList(history: History, list: ReturnedList): string | undefined {
  const { addresses, revision, start, end, settleMs } = list
  const { states } = history
  const indices = history.indicesOf(revision, start, end)
  if (indices.length === 0) {
    return states.some((_state, index) => history.hasRevision(index, revision))
      ? `revision ${revision} was not the current one during the call: ${addresses.join()}`
      : `revision ${revision} never existed: ${addresses.join()}`
  }
  const matching = indices.filter((index) => states[index]!.addresses.join() === addresses.join())
  if (matching.length === 0) {
    const state = states[indices[0]!]!
    return `revision ${revision} is ${state.kind} ${state.addresses.join()}, but the result is ${addresses.join()}`
  }
  const unchangedMs = Math.max(...matching.map((index) => end - Math.max(unchangedSince(states, index), start)))
  return unchangedMs + 1 < settleMs
    ? `the list was unchanged for ${Math.round(unchangedMs)} ms, but settleMs is ${settleMs}`
    : undefined
}

/** Returns since when the list may have been the same as in this state. */
function unchangedSince(states: readonly KeyState[], index: number): number {
  let first = index
  while (isSameList(states[first - 1], states[index]!)) first--
  return states[first]!.sentAt
}

const isSameList = (a: KeyState | undefined, b: KeyState) =>
  a?.kind === 'list' && a.addresses.join() === b.addresses.join()
