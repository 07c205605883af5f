import type { History, KeyState } from '../model/history.ts'
import type { ValidationContext } from './context.ts'

/** The last read of a watch: it began at `from`, and its result was applied at `to`. */
export interface LastRead {
  readonly from: number
  readonly to: number
}

/** An address in a change, and the index of the state that the change comes from. */
interface ChangedAddress {
  readonly states: readonly KeyState[]
  readonly address: string
  readonly index: number
}

/**
 * Returns a problem if an address was removed before it had been missing for `shrinkDelayMs`, without having been back.
 *
 * @param dueAt the time of the last read minus `shrinkDelayMs`: the address must have been missing since then
 */
export function validateRemoval(changed: ChangedAddress, dueAt: number): string | undefined {
  const { sentAt } = changed.states[firstOfRun(changed, false)]!
  const due = dueAt + 2 // timers may fire a little early
  return sentAt <= due ? undefined : `${changed.address} was removed before shrinkDelayMs was over`
}

/**
 * Returns a problem if an address was removed although it was stored when the watch read the list for the last time.
 * A watch reads the list before it removes an address, because the address may be back.
 */
export function validateLastRead(history: History, address: string, { from, to }: LastRead): string | undefined {
  const isMissing = ({ kind, addresses }: KeyState) => kind !== 'list' || !addresses.includes(address)
  return history.possibleStates(from, to).some(isMissing)
    ? undefined
    : `${address} was removed, but it was stored during the read before that`
}

/**
 * Returns how long it took until an address was emitted, and a problem if that was too long.
 *
 * @param connectedAt when the stream of the watch was opened; `undefined` while there is none
 */
export function validateAddition(
  changed: ChangedAddress,
  at: number,
  connectedAt: number | undefined,
  { limits, isFaultFree, eventLoopDelayMs }: ValidationContext,
): { readonly tookMs: number; readonly problem: string | undefined } {
  const { sentAt } = changed.states[firstOfRun(changed, true)]!
  if (connectedAt === undefined || connectedAt > sentAt || !isFaultFree(sentAt, at)) {
    return { tookMs: 0, problem: undefined }
  }
  const tookMs = at - sentAt - eventLoopDelayMs(sentAt, at)
  const problem =
    tookMs > limits.pushMs ? `${changed.address} was emitted ${Math.round(tookMs)} ms after its write` : undefined
  return { tookMs, problem }
}

/**
 * Returns the first of the states up to `index` that all have, or all lack, the address. Unusable values are skipped.
 */
function firstOfRun({ states, address, index }: ChangedAddress, has: boolean): number {
  let first = index
  for (let each = index; each >= 0; each--) {
    const { kind, addresses } = states[each]!
    if (kind !== 'list') continue
    if (addresses.includes(address) !== has) break
    first = each
  }
  return first
}
