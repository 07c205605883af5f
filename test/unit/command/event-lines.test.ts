import { expect, test } from 'vitest'
import { EventLines } from '../../../src/command/event-lines.ts'
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

function linesOf(...events: ApiserverAddressEvent[]): string[] {
  const lines = new EventLines()
  return events.flatMap((event) => lines.of(event))
}

test('EventLines has a line for every phase, and a line for its hint', () => {
  const notSet = phase({ reason: 'not-set', message: 'the key does not exist yet' })
  expect(linesOf(attempt(1), phase({ hint: 'is this an agent node?' }), notSet)).toEqual([
    'waiting for etcd: https://127.0.0.1:2379: etcd cannot be reached',
    'is this an agent node?',
    'waiting for the key: the key does not exist yet',
  ])
})

test('EventLines has a line within a phase for a list that has grown or has been emptied', () => {
  const emptied = (message: string) => retry({ reason: 'not-set', error: new Error(message) })
  expect(
    linesOf(
      phase({ reason: 'incomplete', message: 'the list has 1 of 3' }),
      incomplete('the list has 1 of 3'),
      incomplete('the list has 2 of 3'),
      incomplete('the list has 2 of 3'),
      phase({ reason: 'not-set', message: 'the key does not exist' }),
      emptied('the value is empty'),
      retry({ error: new Error('refused') }),
    ),
  ).toEqual([
    'waiting for the full set of apiservers: the list has 1 of 3',
    'waiting for the full set of apiservers: the list has 2 of 3',
    'waiting for the key: the key does not exist',
    'waiting for the key: the value is empty',
  ])
})

test.for<[string, ApiserverAddressEvent, string]>([
  ['list', resolved(), 'found 2 apiservers in 2 attempts'],
  ['error', { type: 'failed', error: new Error('rke2/apiaddresses: timed out') }, 'rke2/apiaddresses: timed out'],
  ['abort, with what was waited for', { type: 'aborted', reason: 'SIGINT' }, 'aborted: SIGINT, while waiting for etcd'],
])('EventLines has one line for the end of a call with an %s', ([_name, end, line]) => {
  expect(linesOf(attempt(1), phase(), attempt(2), end).slice(1)).toEqual([line])
})

test('EventLines has no addition for an abort while nothing is waited for', () => {
  expect(linesOf(phase(), resolved(), { type: 'aborted', reason: 'SIGINT' }).at(-1)).toBe('aborted: SIGINT')
})

test('EventLines has a line for everything that happens to a watch, but none for its first connection', () => {
  expect(
    linesOf(
      resolved(),
      connected,
      attempt(2),
      held,
      changed({ added: ['c:1'], removed: ['b:1'] }),
      ignored,
      resynced,
      disconnected,
      phase(),
      retry(),
      connected,
      { type: 'closed' },
    ),
  ).toEqual([
    'found 2 apiservers in 2 attempts',
    'the list lacks b:1; removal in 3.0 s unless listed again',
    'the list now has 2 apiservers: +c:1 -b:1',
    'there is no valid list (not-set), the last list stays',
    'the history of the store was replaced, probably by a restored snapshot; the watch follows the new one',
    'waiting for etcd, the last list stays: https://127.0.0.1:2379: etcd cannot be reached',
    'the watch follows the list',
  ])
})

test('EventLines has lines of their own for the state of the addresses, and none for a list without a change', () => {
  const alsoAlive = { ...dead, state: 'alive' } as const
  expect(
    linesOf(
      resolved({ probes: [alive, alsoAlive] }),
      changed({ probes: [alive, dead] }),
      changed({ probes: [alive, dead], added: ['c:1'] }),
      changed({ probes: [alive, alsoAlive] }),
    ),
  ).toEqual([
    'found 2 apiservers in 2 attempts',
    'certificates not verified: the CA cannot be read',
    'b:1 is dead: connect ECONNREFUSED',
    'the list now has 2 apiservers: +c:1',
    'b:1 is alive again',
  ])
})
