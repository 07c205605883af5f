import { expect, test } from 'vitest'
import type { History } from '../../../robustness/model/history.ts'
import { WatchEventValidator } from '../../../robustness/validate/watch-events.ts'
import type { ApiserverAddressEvent } from '../../../src/index.ts'
import { disconnected, phase } from '../../support/sample-events.ts'
import { a, b, contextOf, historyOf, listOf } from '../fixtures.ts'

type TimedEvent = [at: number, event: ApiserverAddressEvent]

/** Returns the first problem of a watch that got the list `a` at 1000 and has a `shrinkDelayMs` of 100. */
function validateEvents(history: History, events: readonly TimedEvent[]): string | undefined {
  const validator = new WatchEventValidator(contextOf(history), 1000, 100)
  validator.validate({ at: 1000, event: { type: 'resolved', ...listOf([a], 2), attempts: 1, elapsedMs: 0 } })
  validator.validate({ at: 1000, event: { type: 'connected', revision: '2' } })
  return events.map(([at, event]) => validator.validate({ at, event })).find((problem) => problem !== undefined)
}

function change(
  addresses: readonly string[],
  revision: number,
  added: readonly string[],
  removed: readonly string[] = [],
): ApiserverAddressEvent {
  return { type: 'changed', ...listOf(addresses, revision), added, removed }
}

const read = { type: 'attempt', attempt: 2, source: 'etcd' } as const

const constant = historyOf([0, [a]])
const added = historyOf([0, [a]], [2000, [a, b]])
const replaced = historyOf([0, [a]], [2000, [b]])
const restored = historyOf([0, [a]], [2000, [a, b]], [2200, [a], 2])
const resynced = { type: 'resynced', revision: '2' } as const

test.each<[title: string, problem: RegExp, history: History, ...events: TimedEvent[]]>([
  [
    'a list that added and removed do not lead to',
    /is not 10.0.0.1:6443,10.0.0.2:6443/,
    added,
    [2010, change([a, b], 3, [])],
  ],
  ['a revision that never existed', /never existed, or is older/, constant, [2010, change([a, b], 3, [b])]],
  ['an addition that was emitted late', /emitted 1990 ms after its write/, added, [3990, change([a, b], 3, [b])]],
  ['a removal without a delay', /removed before shrinkDelayMs was over/, replaced, [2010, change([b], 3, [b], [a])]],
  [
    'a removal whose delay was not started again',
    /removed before shrinkDelayMs was over/,
    historyOf([0, [a]], [2000, [b]], [2050, [a, b]], [2110, [b]]),
    [2010, change([a, b], 3, [b])],
    [2170, read],
    [2180, change([b], 5, [], [a])],
  ],
  [
    'a removal without a read when it is due',
    /removed before shrinkDelayMs was over/,
    replaced,
    [2010, change([a, b], 3, [b])],
    [2020, read],
    [2110, change([b], 3, [], [a])],
  ],
  [
    'a removal of an address that was back before the last read',
    /10.0.0.1:6443 was removed, but it was stored during the read before that/,
    historyOf([0, [a]], [2000, [b]], [2080, [a, b]]),
    [2010, change([a, b], 3, [b])],
    [2110, read],
    [2120, change([b], 3, [], [a])],
  ],
  [
    'an older revision without resynced',
    /revision 2 after 3, without resynced/,
    restored,
    [2010, change([a, b], 3, [b])],
    [2400, change([a], 2, [], [b])],
  ],
  ['resynced without a new history', /the history was not replaced/, constant, [2300, resynced]],
  [
    'ignored for a value that never existed',
    /which never existed during the watch/,
    constant,
    [2300, { type: 'ignored', reason: 'not-set', revision: '3' }],
  ],
  [
    'connected with the revision of the store',
    /connected at revision 9, which no list had/,
    constant,
    [2300, disconnected],
    [2400, { type: 'connected', revision: '9' }],
  ],
  [
    'connected with an older revision without resynced',
    /connected at revision 2 after 3, without resynced/,
    restored,
    [2010, change([a, b], 3, [b])],
    [2300, disconnected],
    [2400, { type: 'connected', revision: '2' }],
  ],
  [
    'a phase whose elapsedMs counts from the start of the watch',
    /elapsedMs of the phase is 1300, but the outage has lasted for 0 ms/,
    constant,
    [2300, disconnected],
    [2300, phase({ elapsedMs: 1300 })],
  ],
  ['connected twice', /connected twice/, constant, [2300, { type: 'connected', revision: '3' }]],
])('WatchEventValidator reports %s', (_title, problem, history, ...events) => {
  expect(validateEvents(history, events)).toMatch(problem)
})

test.each<[title: string, history: History, ...events: TimedEvent[]]>([
  ['an addition', added, [2010, change([a, b], 3, [b])]],
  [
    'two phases of an outage, and connected after it',
    added,
    [2010, change([a, b], 3, [b])],
    [2300, disconnected],
    [2300, phase({ elapsedMs: 0 })],
    [2350, phase({ elapsedMs: 50 })],
    [2400, { type: 'connected', revision: '3' }],
    [2500, disconnected],
    [2500, phase({ elapsedMs: 0 })],
  ],
  [
    'a removal after shrinkDelayMs, while the key is empty',
    historyOf([0, [a]], [2000, [b]], [2050, 'not-set']),
    [2010, change([a, b], 3, [b])],
    [2101, read],
    [2102, change([b], 3, [], [a])],
  ],
  [
    'a removal of an address that came back during the last read',
    historyOf([0, [a]], [2000, [b]], [2105, [a, b]]),
    [2010, change([a, b], 3, [b])],
    [2110, read],
    [2120, change([b], 3, [], [a])],
  ],
  [
    'an older revision after resynced',
    restored,
    [2010, change([a, b], 3, [b])],
    [2300, read],
    [2300, resynced],
    [2301, change([a], 2, [], [b])],
  ],
])('WatchEventValidator accepts %s', (_title, history, ...events) => {
  expect(validateEvents(history, events)).toBeUndefined()
})
