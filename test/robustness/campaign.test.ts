import { expect, test } from 'vitest'
import { History } from '../../robustness/history.ts'
import type { Kind, Value } from '../../robustness/history.ts'
import { Journal } from '../../robustness/journal.ts'
import { judgeCall } from '../../robustness/judge-call.ts'
import type { CallRecord } from '../../robustness/judge-call.ts'
import { overdue } from '../../robustness/judge-patience.ts'
import { WatchJudge } from '../../robustness/judge-watch.ts'
import type { WatchEvidence } from '../../robustness/judge-watch.ts'
import { Ledger } from '../../robustness/ledger.ts'
import { planCall } from '../../robustness/plan-calls.ts'
import { planFaults } from '../../robustness/plan-faults.ts'
import { planWrites } from '../../robustness/writer.ts'
import { ApiserverAddressError } from '../../src/index.ts'
import type { ApiserverAddressEvent, ResolveOptions } from '../../src/index.ts'
import type { EtcdCluster } from '../support/etcd.ts'
import { SeededRandom } from '../support/random.ts'

const [a, b, c] = ['10.0.0.1:6443', '10.0.0.2:6443', '10.0.0.3:6443'] as const

/** A history in which each state became true within 10 ms, from the given moment on. */
function historyOf(...states: [at: number, value: readonly string[] | Exclude<Kind, 'list'>, revision?: number][]) {
  const history = new History()
  let epoch = 0
  for (const [index, [at, value, revision = index + 2]] of states.entries()) {
    if (revision <= history.last.revision) epoch++
    const list = typeof value === 'object'
    const said: Value = list
      ? { kind: 'list', text: JSON.stringify(value), addresses: value }
      : { kind: value, text: '', addresses: [] }
    history.add({ ...said, epoch, revision, since: at, by: at + 10 })
  }
  return history
}

/** Member 1 has no peers, and nothing else is wrong. */
const evidence = (history: History): WatchEvidence => ({
  history,
  lateMs: () => 0,
  cutOff: (member) => member === 1,
  calm: () => true,
})

const listOf = (addresses: readonly string[], revision: number) => ({
  addresses,
  urls: addresses.map((address) => `https://${address}`),
  revision: String(revision),
})

interface Given {
  readonly options?: ResolveOptions
  readonly endpoints?: readonly number[]
  readonly abortedAt?: number
  readonly endedAt?: number
  readonly told?: readonly ApiserverAddressEvent[]
}

/** A call from 1000 to 2000 that gave a list. */
function resolved(addresses: readonly string[], revision: number, given: Given = {}): CallRecord {
  const { options = {}, endpoints = [0], abortedAt, endedAt = 2000, told = [] } = given
  const result = { ...listOf(addresses, revision), attempts: 1, elapsedMs: endedAt - 1000 }
  return {
    plan: { afterMs: 0, endpoints, options: { timeoutMs: 1000, ...options }, abort: undefined },
    startedAt: 1000,
    endedAt,
    abortedAt,
    reason: 'enough',
    outcome: { result },
    told: [...told, { type: 'resolved', ...result } as const].map((event) => ({ at: 2000, event })),
  }
}

/** A call from 1000 to 2000 that failed. */
function failed(
  code: 'DEADLINE_EXCEEDED' | 'REJECTED',
  reason: 'invalid-value' | 'not-set',
  given: Given = {},
): CallRecord {
  const error = new ApiserverAddressError('failed', { code, reason, attempts: 1, elapsedMs: 1000, cause: undefined })
  const { told = [] } = given
  return {
    ...resolved([a], 2, given),
    told: [...told, { type: 'failed', error } as const].map((event) => ({ at: 2000, event })),
    outcome: { error },
  }
}

const retry = (reason: 'not-set' | 'incomplete'): ApiserverAddressEvent => ({
  type: 'retry',
  attempt: 1,
  reason,
  delayMs: 1,
  watching: false,
  remainingMs: 1,
  error: new Error(reason),
})

test.each<[problem: RegExp, history: History, call: CallRecord]>([
  [/list is empty/, historyOf([0, []]), resolved([], 2)],
  [/was not the key's state then/, historyOf([0, [a]], [500, [b]]), resolved([a], 2)],
  [/was not the key's state then/, historyOf([0, [a]], [2500, [b]]), resolved([b], 3)],
  [/was not the key's state ever/, historyOf([0, [a]]), resolved([a], 9)],
  [/revision 2 is list/, historyOf([0, [a]]), resolved([a, b], 2)],
  [/fewer than 2/, historyOf([0, [a]]), resolved([a], 2, { options: { minAddresses: 2 } })],
  [/10.0.0.2 is expected/, historyOf([0, [a]]), resolved([a], 2, { options: { expect: ['10.0.0.2'] } })],
  [/settled for 400 ms of 500/, historyOf([0, [b]], [1600, [a]]), resolved([a], 3, { options: { settleMs: 500 } })],
  [
    /settled for 400/,
    historyOf([0, [a]], [1500, 'not-set'], [1600, [a]]),
    resolved([a], 4, { options: { settleMs: 500 } }),
  ],
  [/ended 400 ms late/, historyOf([0, [a]]), resolved([a], 2, { endedAt: 2400 })],
  [/aborted, and resolved/, historyOf([0, [a]]), resolved([a], 2, { abortedAt: 1900 })],
  [/a learner has given/, historyOf([0, [a]]), resolved([a], 2, { endpoints: [3] })],
  [/without peers has given/, historyOf([0, [a]]), resolved([a], 2, { endpoints: [1, 3] })],
  [/nothing is set, and something was/, historyOf([0, [a]]), resolved([a], 2, { told: [retry('not-set')] })],
  [/incomplete, and it was not/, historyOf([0, [a]]), resolved([a], 2, { told: [retry('incomplete')] })],
  [
    /an event after the end/,
    historyOf([0, [a]]),
    { ...resolved([a], 2), told: resolved([a], 2, { told: [] }).told.concat({ at: 0, event: retry('not-set') }) },
  ],
  [/not one event ends it/, historyOf([0, [a]]), { ...resolved([a], 2), told: [] }],
  [/for no good reason/, historyOf([0, [a]]), failed('REJECTED', 'invalid-value')],
  [
    /before its deadline/,
    historyOf([0, [a]]),
    failed('DEADLINE_EXCEEDED', 'not-set', { options: { timeoutMs: 1500 } }),
  ],
])('the oracle says %s', (problem, history, call) => {
  expect(judgeCall(call, evidence(history)).join('\n')).toMatch(problem)
})

test.each<[what: string, history: History, call: CallRecord]>([
  ['the list as it is', historyOf([0, [a]]), resolved([a], 2)],
  ['the list as it was in between', historyOf([0, [a]], [1500, [b]], [1600, [c]]), resolved([b], 3)],
  ['the list of a write under way', historyOf([0, [a]], [1995, [b]]), resolved([a], 2)],
  ['the list of a write under way, already', historyOf([0, [a]], [1995, [b]]), resolved([b], 3)],
  ['a list that was written again', historyOf([0, [a]], [1800, [a]]), resolved([a], 3, { options: { settleMs: 900 } })],
  ['the list of a restored snapshot', historyOf([0, [a]], [100, [b]], [1500, [a], 2]), resolved([a], 2)],
  ['the list of another history', historyOf([0, [a]], [1400, [b]], [1500, [a], 2], [1600, [c], 3]), resolved([c], 3)],
  ['a wait for the key', historyOf([0, 'not-set'], [1500, [a]]), resolved([a], 3, { told: [retry('not-set')] })],
  ['nonsense in the key', historyOf([0, [a]], [1500, 'invalid-value']), failed('REJECTED', 'invalid-value')],
])('the oracle accepts %s', (_what, history, call) => {
  expect(judgeCall(call, evidence(history))).toEqual([])
})

test('the oracle knows when a call should have known', () => {
  const history = historyOf([1000, [a]])
  const late = { ...failed('DEADLINE_EXCEEDED', 'not-set'), endedAt: 6000 }
  expect(overdue(late, evidence(history))).toMatch(/waited for 4990 ms more/)
  expect(overdue({ ...late, endedAt: 4000 }, evidence(history))).toBeUndefined()
  expect(overdue(late, { ...evidence(history), calm: () => false })).toBeUndefined()
})

/** What the oracle says of a watch that began with `a` at 1000, held removals back for 100 ms, and told these changes. */
function watched(history: History, ...events: [at: number, event: ApiserverAddressEvent][]): string | undefined {
  const judge = new WatchJudge(evidence(history), 1000, 100)
  judge.judge({ at: 1000, event: { type: 'resolved', ...listOf([a], 2), attempts: 1, elapsedMs: 0 } })
  judge.judge({ at: 1000, event: { type: 'connected', revision: '2' } })
  return events.map(([at, event]) => judge.judge({ at, event })).find((problem) => problem !== undefined)
}

function change(
  addresses: readonly string[],
  revision: number,
  added: readonly string[],
  removed: readonly string[] = [],
) {
  return { type: 'changed', ...listOf(addresses, revision), added, removed } as const
}

const resynced = { type: 'resynced', revision: '2' } as const

test.each<[problem: RegExp | undefined, history: History, ...events: [at: number, event: ApiserverAddressEvent][]]>([
  [undefined, historyOf([0, [a]], [2000, [a, b]]), [2010, change([a, b], 3, [b])]],
  [/is not 10.0.0.1:6443,10.0.0.2:6443/, historyOf([0, [a]], [2000, [a, b]]), [2010, change([a, b], 3, [])]],
  [/older than what was told, or never was/, historyOf([0, [a]]), [2010, change([a, b], 3, [b])]],
  [/told 1990 ms after its write/, historyOf([0, [a]], [2000, [a, b]]), [3990, change([a, b], 3, [b])]],
  [/removed too soon/, historyOf([0, [a]], [2000, [b]]), [2010, change([b], 3, [b], [a])]],
  [
    /removed too soon/,
    historyOf([0, [a]], [2000, [b]], [2050, [a, b]], [2110, [b]]),
    [2010, change([a, b], 3, [b])],
    [2180, change([b], 5, [], [a])],
  ],
  [
    undefined,
    historyOf([0, [a]], [2000, [b]], [2050, 'not-set']),
    [2010, change([a, b], 3, [b])],
    [2101, change([b], 3, [], [a])],
  ],
  [
    /revision 2 after 3, without resynced/,
    historyOf([0, [a]], [2000, [a, b]], [2200, [a], 2]),
    [2010, change([a, b], 3, [b])],
    [2400, change([a], 2, [], [b])],
  ],
  [
    undefined,
    historyOf([0, [a]], [2000, [a, b]], [2200, [a], 2]),
    [2010, change([a, b], 3, [b])],
    [2300, resynced],
    [2400, change([a], 2, [], [b])],
  ],
  [/resynced, and the history is the same/, historyOf([0, [a]]), [2300, resynced]],
  [/which was not there/, historyOf([0, [a]]), [2300, { type: 'ignored', reason: 'not-set', revision: '3' }]],
  [/connected twice/, historyOf([0, [a]]), [2300, { type: 'connected', revision: '3' }]],
])('the oracle says %s of a watch', (problem, history, ...events) => {
  const said = watched(history, ...events)
  if (problem === undefined) expect(said).toBeUndefined()
  else expect(said).toMatch(problem)
})

/** A store that takes a write, and answers it or not, now or when it is let. */
class Store {
  readonly #values: string[] = ['', '']
  readonly #late: string[] = []
  readonly name = 'store'
  readonly reachable = true
  answers: 'at once' | 'never' | 'late' = 'at once'

  /** What was sent comes true now. */
  catchUp(): void {
    this.#values.push(...this.#late.splice(0))
  }

  request = async (path: string, { value = '', revision = '0' }: { value?: string; revision?: string }) => {
    if (path === 'kv/put') {
      if (this.answers === 'late') this.#late.push(value)
      else this.#values.push(value)
      if (this.answers !== 'at once') throw new Error('no answer')
    }
    const latest = this.#values.length - 1
    const at = Number(revision) || latest
    return { header: { revision: String(latest) }, kvs: [{ value: this.#values[at], mod_revision: String(at) }] }
  }
}

test('a write without an answer counts from when it was sent until it is found, and only if it came true', async () => {
  const store = new Store()
  const history = new History()
  const etcd = { members: [store], request: store.request } as unknown as EtcdCluster
  using journal = new Journal('test')
  const ledger = new Ledger(etcd, history, journal)
  const write = (address: string) =>
    ledger.write({ text: address, kind: 'list', addresses: [address] }, ([member]) => member)
  await write(a)
  store.answers = 'late'
  expect(await write(b)).toBeUndefined()
  store.answers = 'never'
  const sentAt = performance.now()
  await write(c)
  await ledger.complete()
  expect(history.states.map(({ text }) => text)).toEqual(['', a, c])
  store.catchUp()
  await ledger.complete()
  journal.discard()
  expect(history.states.map(({ text, revision }) => [text, revision])).toEqual([
    ['', 0],
    [a, 2],
    [c, 3],
    [b, 4],
  ])
  const [, , third, last] = history.states
  expect(third?.since).toBeGreaterThanOrEqual(sentAt)
  expect(last?.since).toBeLessThan(sentAt)
  expect(last?.by).toBeGreaterThan(third!.by)
})

test('what is planned follows from the seed, and from nothing else', () => {
  const plan = (dice: SeededRandom) => {
    const [faults, writes] = [planFaults(dice.fork('faults')), planWrites(dice.fork('writes'))]
    return Array.from({ length: 50 }, (_, n) => [faults.next().value, writes.next().value, planCall(dice.fork(`${n}`))])
  }
  const disturbed = new SeededRandom(1)
  disturbed.random()
  expect(plan(new SeededRandom(1))).toEqual(plan(disturbed))
  expect(plan(new SeededRandom(1))).not.toEqual(plan(new SeededRandom(2)))
})
