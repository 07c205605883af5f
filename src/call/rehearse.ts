import { addressList } from '../addresses/list.ts'
import { parseAddresses } from '../addresses/parse.ts'
import { Completeness } from './completeness.ts'
import type { Requirements } from './completeness.ts'

/**
 * Checks a sample list once, while the call waits anyway. The first check of a process takes a millisecond longer, because
 * V8 compiles a function when it is called first. When each of 200 calls did this, the last of them woke 40 ms later.
 */
export const rehearseCheck: (required: Requirements) => void = createRehearsal()

/** Returns a function that checks the sample list when it is called first. @internal */
export function createRehearsal(): (required: Requirements) => void {
  let isOver = false
  return (required) => {
    if (isOver) return
    isOver = true
    const parsed = parseAddresses(Buffer.from('["localhost:6443","localhost:6444"]'))
    if (parsed.kind !== 'list') return
    const snapshot = { value: undefined, modRevision: 1n, createRevision: 1n, version: 1n, revision: 1n }
    new Completeness(required).check(parsed.addresses, snapshot, 0)
    addressList(parsed.addresses, 'etcd', '1')
  }
}
