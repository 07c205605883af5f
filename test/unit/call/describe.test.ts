import { expect, test } from 'vitest'
import { describe, describeOutage, describeWait } from '../../../src/call/describe.ts'
import type { ApiserverAddressEvent } from '../../../src/events.ts'
import {
  alive,
  attempt,
  changed,
  connected,
  dead,
  disconnected,
  held,
  ignored,
  incomplete,
  phase,
  resolved,
  resynced,
  retry,
} from '../../support/sample-events.ts'

const refused = 'https://127.0.0.1:2379: etcd cannot be reached'

test.for<[string, ApiserverAddressEvent, string]>([
  ['attempt', attempt(1), 'reading the list'],
  ['phase', phase(), `waiting for etcd: ${refused}`],
  ['phase with a hint', phase({ hint: 'is this an agent?' }), `waiting for etcd: ${refused}; is this an agent?`],
  ['phase of a reason that is never retried', phase({ reason: 'invalid-value', message: 'not JSON' }), 'not JSON'],
  ['retry', retry(), `waiting for etcd, next read in 1.5 s: ${refused}`],
  [
    'retry with an open watch',
    incomplete('the list has 1 of 3', { watching: true, delayMs: 75_000 }),
    'waiting for the full set of apiservers, watching the list, next read in 75.0 s: the list has 1 of 3',
  ],
  ['probed', { type: 'probed', probes: [alive, dead] }, '1 of 2 apiservers alive'],
  [
    'probed without a CA',
    { type: 'probed', probes: [alive], unverified: 'ca.crt cannot be used' },
    '1 of 1 apiserver alive; certificates not verified: ca.crt cannot be used',
  ],
  ['wake by a connection', { type: 'wake', cause: 'connected' }, 'a connection is established'],
  ['wake by a write', { type: 'wake', cause: 'key-changed' }, 'the list may have changed'],
  ['resolved', resolved(), 'found 2 apiservers in 2 attempts'],
  ['resolved with one address', resolved({ addresses: ['a:1'], attempts: 1 }), 'found 1 apiserver in 1 attempt'],
  [
    'resolved with probes',
    resolved({ probes: [alive, dead] }),
    'found 2 apiservers (1 dead, certificates not verified) in 2 attempts',
  ],
  ['failed', { type: 'failed', error: new Error('rke2/apiaddresses: timed out') }, 'rke2/apiaddresses: timed out'],
  ['aborted', { type: 'aborted', reason: 'SIGINT' }, 'aborted: SIGINT'],
  ['connected', connected, 'the watch follows the list'],
  ['disconnected', disconnected, 'the watch was interrupted'],
  [
    'resynced',
    resynced,
    'the history of the store was replaced, probably by a restored snapshot; the watch follows the new one',
  ],
  ['changed', changed({ added: ['b:1'], removed: ['c:1', 'd:1'] }), 'the list now has 2 apiservers: +b:1 -c:1 -d:1'],
  ['changed by a probe', changed({ probes: [dead] }), 'the list now has 2 apiservers (1 dead)'],
  ['held', held, 'the list lacks b:1; removal in 3.0 s unless listed again'],
  ['ignored', ignored, 'there is no valid list (not-set), the last list stays'],
  ['closed', { type: 'closed' }, 'the watch is closed'],
])('describe returns the text of %s', ([_name, event, text]) => {
  expect(describe(event)).toBe(text)
})

test.for<[unknown, string]>([
  ['a\nb', 'a b'],
  [new Error('a\nb'), 'Error: a b'],
  [new Error('shut\ndown'), 'Error: shut down'],
  [Object.create(null), '[Object: null prototype] {}'],
  [{ toString: () => expect.fail() }, '{ toString: [Function: toString] }'],
  [Symbol('a'), 'Symbol(a)'],
  [null, 'null'],
])('describe returns any reason of an abort on one line: %o', ([reason, text]) => {
  expect(describe({ type: 'aborted', reason })).toBe(`aborted: ${text}`)
})

test('describe returns the text of an abort for an error that cannot be converted to a string', () => {
  const reason = Object.assign(new Error('a'), { name: Symbol('b') })
  expect(describe({ type: 'aborted', reason })).toMatch(/^aborted: .*a/)
})

test('describeWait names what the call waits for, unless the reason ends the call', () => {
  expect(describeWait({ source: 'etcd', reason: 'not-set' }, 'the key does not exist yet')).toBe(
    'waiting for the key: the key does not exist yet',
  )
  expect(describeWait({ source: 'etcd', reason: 'rejected' }, 'this is not an etcd')).toBe('this is not an etcd')
})

test('describeOutage names what a watch waits for, and says that the list stays', () => {
  const lost = phase({ message: 'the connection to etcd was lost' })
  expect(describeOutage(lost)).toBe('waiting for etcd, the last list stays: the connection to etcd was lost')
  expect(describeOutage({ ...lost, hint: 'is it running?' }, 10_000)).toBe(
    'still waiting for etcd after 10.0 s, the last list stays: the connection to etcd was lost; is it running?',
  )
  const rejected = phase({ reason: 'rejected', message: 'this is not an etcd' })
  expect(describeOutage(rejected)).toBe('this is not an etcd')
  expect(describeOutage(rejected, 10_000)).toMatch(
    /^still waiting for .* after 10\.0 s, the last list stays: this is not/,
  )
})
