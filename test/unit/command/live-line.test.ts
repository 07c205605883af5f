import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { LiveLine } from '../../../src/command/live-line.ts'
import type { ApiserverAddressEvent } from '../../../src/events.ts'
import { fuzzSeed } from '../../support/fuzz.ts'
import {
  attempt,
  changed,
  connected,
  disconnected,
  incomplete,
  phase,
  resolved,
  retry,
} from '../../support/sample-events.ts'

/** Returns the text of the live line after these events, which all come at the time 0. */
function textAfter(events: readonly ApiserverAddressEvent[], { now = 0, width = 120 } = {}): string | undefined {
  const line = new LiveLine()
  for (const event of events) line.update(event, 0)
  return line.text(now, width)
}

test('LiveLine has no text before the first event', () => {
  expect(textAfter([])).toBeUndefined()
})

test('LiveLine shows the attempt that is in progress', () => {
  expect(textAfter([attempt(1)])).toBe('reading the list, attempt 1 in progress')
})

test('LiveLine counts down to the next read and to the deadline', () => {
  const events = [attempt(1), phase(), retry({ remainingMs: 60_000 })]
  expect(textAfter(events, { now: 1000 })).toBe('still waiting for etcd, attempt 1, next read in 0.5s, 59.0s left')
  expect(textAfter(events, { now: 99_000 })).toBe('still waiting for etcd, attempt 1, next read in 0.0s, 0.0s left')
})

test('LiveLine shows no deadline when there is none', () => {
  expect(textAfter([attempt(1), retry()])).toBe('reading the list, attempt 1, next read in 1.5s')
})

test('LiveLine shows that the key is watched instead of the time of the next read', () => {
  const watching = retry({ delayMs: 75_000, remainingMs: 60_000, watching: true })
  expect(textAfter([attempt(1), watching])).toBe('reading the list, attempt 1, watching the list, 1m00s left')
})

test('LiveLine names what is missing until it is no longer missing', () => {
  const lacking = phase({ reason: 'incomplete', message: 'the list lacks b and c', missing: ['b', 'c'] })
  const growing = incomplete('the list lacks c', { delayMs: 1000, missing: ['c'] })
  expect(textAfter([lacking, growing])).toBe(
    'still waiting for the full set of apiservers, missing c, attempt 1, next read in 1.0s',
  )
  expect(textAfter([lacking, growing, retry({ delayMs: 1000 })])).not.toContain('missing')
})

test('LiveLine leaves out a part that does not fit as a whole', () => {
  const events = [attempt(1), phase({ reason: 'incomplete' }), retry({ remainingMs: 60_000 })]
  expect(textAfter(events, { width: 49 })).toBe('still waiting for the full set of apiservers')
})

test('LiveLine has no text after the end of a call', () => {
  const failed: ApiserverAddressEvent = { type: 'failed', error: new Error('timed out') }
  for (const end of [resolved(), failed, { type: 'aborted', reason: 'SIGINT' } as const]) {
    expect(textAfter([attempt(1), phase(), end])).toBeUndefined()
  }
})

test('LiveLine has no text while a watch follows the key, which it reads now and then', () => {
  expect(textAfter([attempt(1), resolved(), connected, attempt(2), changed()])).toBeUndefined()
})

test('LiveLine shows the wait of a watch that was interrupted, until the watch follows the key again', () => {
  const interrupted = [attempt(1), resolved(), connected, disconnected, phase(), retry()]
  expect(textAfter(interrupted)).toBe('still waiting for etcd, attempt 1, next read in 1.5s')
  expect(textAfter([...interrupted, connected])).toBeUndefined()
})

test('LiveLine adds no part beyond the width', () => {
  const nat = fc.nat(10_000_000)
  fc.assert(
    fc.property(fc.integer({ min: 40, max: 200 }), nat, nat, (width, delayMs, remainingMs) => {
      const text = textAfter([attempt(1_000_000), phase(), retry({ delayMs, remainingMs })], { width })
      expect(text?.length).toBeLessThanOrEqual(width)
    }),
    { seed: fuzzSeed },
  )
})
