import pRetry from 'p-retry'
import { addressList } from '../addresses/list.ts'
import { parseAddresses } from '../addresses/parse.ts'
import { Completeness } from './completeness.ts'
import type { Requirements } from './completeness.ts'

/**
 * Rehearses a wake-up once, while the call waits anyway: an attempt fails, and the next one checks a sample list. The first
 * wake-up of a process takes a millisecond longer, because V8 compiles a function when it is called first. When each of 200
 * calls rehearsed, the last of them woke 40 ms later.
 */
export const rehearseWakeUp: (required: Requirements) => Promise<void> = createRehearsal()

/** Returns a function that rehearses when it is called first. @internal */
export function createRehearsal(): (required: Requirements) => Promise<void> {
  let isOver = false
  return async (required) => {
    if (isOver) return
    isOver = true
    const attempt = (number: number) => {
      if (number === 1) throw new Error('the first attempt fails')
      checkSample(required)
    }
    await pRetry(attempt, { minTimeout: 0 })
  }
}

function checkSample(required: Requirements): void {
  const parsed = parseAddresses(Buffer.from('["localhost:6443","localhost:6444"]'))
  if (parsed.kind !== 'list') return
  const snapshot = { value: undefined, modRevision: 1n, createRevision: 1n, version: 1n, revision: 1n }
  new Completeness(required).check(parsed.addresses, snapshot, 0)
  addressList(parsed.addresses, 'etcd', '1')
}
