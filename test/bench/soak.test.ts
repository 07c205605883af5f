import { expect, test } from 'vitest'
import { renderReport } from '../../bench/report/report.ts'
import type { Results } from '../../bench/results.ts'
import { addressesOf } from '../../bench/scenarios/soak/soak.ts'
import type { Interval, Soak } from '../../bench/scenarios/soak/soak.ts'
import { checkTargets } from '../../bench/targets.ts'
import { compareThirds } from '../../bench/thirds.ts'

const flat: Interval = { heapMb: 10, rssMb: 80, handles: 5, p50Ms: 2, p99Ms: 8, recoveryMs: 300 }

const soakOf = (intervals: readonly Interval[]): Soak => ({
  intervalMs: 60_000,
  changes: 7000,
  rotations: 437,
  outages: 175,
  calls: 9000,
  watches: 3600,
  handles: ['TCPSocketWrap', 'Timeout'],
  intervals,
})

const resultsOf = (etcd: readonly Interval[], kubernetes: readonly Interval[]): Results => ({
  quick: false,
  date: '2026-01-31',
  machine: 'a processor, 2 cores',
  versions: ['Node v24'],
  minutes: 30,
  measured: { soak: { etcd: soakOf(etcd), kubernetes: soakOf(kubernetes) } },
})

/** Returns intervals whose figures differ from the flat ones, depending on their index. */
const intervals = (change: (index: number) => Partial<Interval> = () => ({})): Interval[] =>
  Array.from({ length: 10 }, (_, index) => ({ ...flat, ...change(index) }))

const figures = (results: Results) =>
  Object.fromEntries(checkTargets(results).map(({ what, figure }) => [what, Number(figure.toFixed(2))]))

test('compareThirds leaves out the first tenth, and compares the medians of the first and the last third', () => {
  expect(compareThirds([100, 1, 2, 9, 5, 5, 5, 4, 4, 99])).toEqual({ first: 2, last: 4, ratio: 2 })
})

test('compareThirds compares the two samples that are left of three', () => {
  expect(compareThirds([100, 2, 3])).toEqual({ first: 2, last: 3, ratio: 1.5 })
})

test('compareThirds returns NaN without samples', () => {
  expect(compareThirds([])).toEqual({ first: NaN, last: NaN, ratio: NaN })
})

test('addressesOf returns lists of one to five addresses, and a new first address for each change', () => {
  const lists = Array.from({ length: 70_000 }, (_, n) => addressesOf(n))
  expect(new Set(lists.map(([first]) => first)).size).toBe(lists.length)
  expect(lists.slice(0, 5).map(({ length }) => length)).toEqual([1, 2, 3, 4, 5])
  expect(lists.at(-1)).toEqual(['10.2.17.111', '10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4'])
})

test('checkTargets compares the thirds of a soak, and takes the source with the larger figure', () => {
  const growing = intervals((index) => ({ heapMb: 10 + index, handles: 5 + index }))
  const slower = intervals((index) => ({ p99Ms: index > 5 ? 16 : 8 }))
  expect(figures(resultsOf(growing, slower))).toEqual({
    '`soak`: heap, last third / first third': 1.5,
    '`soak`: resident memory, last third / first third': 1,
    '`soak`: handles, last third − first third': 6,
    '`soak`: p99 of the latency, last third / first third': 2,
  })
})

test('renderReport has a table for each source of a soak, with the thirds and their ratio', () => {
  const text = renderReport(resultsOf(intervals(), intervals()), 'results.svg')
  expect(text).toContain('### The source `kubernetes`')
  expect(text).toContain('7,000 changes, 437 rotations, 175 outages, 9,000 calls and 3,600 short watches.')
  expect(text).toContain('| until 10 min | 10 | 80 | 5 | 2 | 8 | 300 |')
  expect(text).toContain('| last / first | 1 × | 1 × | 1 × | 1 × | 1 × | 1 × |')
  expect(text).not.toMatch(/NaN|undefined|null/)
})

test('renderReport leaves cells empty in a soak that was too short for an outage', () => {
  const { recoveryMs: _, ...withoutOutage } = flat
  const text = renderReport(resultsOf([withoutOutage], intervals()), 'results.svg')
  expect(text).toContain('| until 1 min | 10 | 80 | 5 | 2 | 8 |  |')
  expect(text).not.toMatch(/NaN|undefined|null/)
})
