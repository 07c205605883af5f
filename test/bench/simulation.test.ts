import { expect, test } from 'vitest'
import { advice, largest } from '../../bench/report/scale.ts'
import { boot, simulate } from '../../bench/simulation/simulate.ts'
import { strategies, thisPackage } from '../../bench/simulation/strategies.ts'
import type { Strategy } from '../../bench/simulation/strategies.ts'

const inputs = { readUs: 150, connectUs: 700, watchUs: 200, eventUs: 30, streamKb: 120 }
const [k3sLoop, exponential, polling] = strategies as [Strategy, Strategy, Strategy, Strategy]
const outcome = (nodes: number, strategy: Strategy, seed?: number) =>
  simulate({ nodes, ...boot }, strategy, inputs, seed)

test('simulate returns the same outcome for the same seed, and another for another seed', () => {
  expect(outcome(200, thisPackage, 7)).toEqual(outcome(200, thisPackage, 7))
  expect(outcome(200, thisPackage, 7)).not.toEqual(outcome(200, thisPackage, 8))
})

test("simulate lets K3s's loop read every 5 s and have the list within the next 5 s", () => {
  const { lastDelayMs, meanReadsPerSecond, openStreams } = outcome(500, k3sLoop)
  expect(meanReadsPerSecond).toBeCloseTo(100, 0)
  expect(openStreams).toBe(0)
  expect(lastDelayMs).toBeLessThan(5500)
})

test('simulate keeps nodes without jitter as close together as they started', () => {
  expect(outcome(500, exponential).peakReadsPerSecond).toBe(500)
  expect(outcome(500, polling).meanReadsPerSecond).toBeGreaterThan(300)
})

test('simulate lets a node that watches read once, and have the list as fast as etcd can send events', () => {
  const { lastDelayMs, meanReadsPerSecond, openStreams, streamsMb } = outcome(500, thisPackage)
  expect(meanReadsPerSecond).toBeCloseTo(500 / 60)
  expect(openStreams).toBe(500)
  expect(streamsMb).toBeCloseTo((500 * 120) / 1024)
  expect(lastDelayMs).toBeCloseTo((500 * 30) / 1000)
})

test('simulate ends with the list at every node, also with 20,000 nodes', () => {
  for (const strategy of strategies) expect(outcome(20_000, strategy).lastDelayMs).toBeGreaterThan(0)
})

test('largest returns the largest size up to which every size is acceptable', () => {
  expect(largest([1, 2, 3, 4], (size) => size !== 3)).toBe(2)
  expect(largest([1, 2], () => false)).toBeUndefined()
})

test('advice names a number of waiting nodes', () => {
  expect(advice(inputs)).toMatch(/^Up to about [\d,]+ waiting nodes/)
})
