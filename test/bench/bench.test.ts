import { describe, expect, test } from 'vitest'
import { drawWake } from '../../bench/chart.ts'
import { describe as describeResults } from '../../bench/report.ts'
import type { Results } from '../../bench/results.ts'
import { advice } from '../../bench/scale.ts'
import { boot, largest, simulate, strategies } from '../../bench/simulation.ts'
import type { Strategy } from '../../bench/simulation.ts'
import { median, quantile, shuffled, table, tidy } from '../../bench/stats.ts'
import { promises } from '../../bench/targets.ts'

const inputs = { readUs: 150, connectUs: 700, watchUs: 200, eventUs: 30, streamKb: 120 }
const [k3sLoop, exponential, polling, ours] = strategies as [Strategy, Strategy, Strategy, Strategy]
const outcome = (nodes: number, strategy: Strategy, seed?: number) =>
  simulate({ nodes, ...boot }, strategy, inputs, seed)

describe('figures', () => {
  test('quantiles are interpolated', () => {
    expect(median([4, 1, 3, 2])).toBe(2.5)
    expect(quantile([1, 2, 3, 4, 5], 0.9)).toBeCloseTo(4.6)
    expect(median([])).toBeNaN()
  })

  test('shuffling keeps everything', () => {
    expect(shuffled([1, 2, 3, 4]).toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4])
  })

  test('numbers are told in three digits', () => {
    expect([0.0012345, 1.2345, 12.345, 12_345, undefined].map(tidy)).toEqual(['0.0012', '1.23', '12.3', '12,345', ''])
  })

  test('a table is Markdown', () => {
    expect(table(['a', 'b'], [['1', '2']])).toBe('| a | b |\n| --- | --: |\n| 1 | 2 |')
  })
})

describe('the simulation', () => {
  test('the same seed gives the same outcome', () => {
    expect(outcome(200, ours, 7)).toEqual(outcome(200, ours, 7))
    expect(outcome(200, ours, 7)).not.toEqual(outcome(200, ours, 8))
  })

  test("K3s's loop reads every 5 s and knows within the next", () => {
    const { lastKnowsMs, meanReadsPerSecond, openStreams } = outcome(500, k3sLoop)
    expect(meanReadsPerSecond).toBeCloseTo(100, 0)
    expect(openStreams).toBe(0)
    expect(lastKnowsMs).toBeLessThan(5500)
  })

  test('without jitter, the nodes stay as close together as they have started', () => {
    expect(outcome(500, exponential).peakReadsPerSecond).toBe(500)
    expect(outcome(500, polling).meanReadsPerSecond).toBeGreaterThan(300)
  })

  test('with a watch, a node reads once and then knows as fast as etcd can tell', () => {
    const { lastKnowsMs, meanReadsPerSecond, openStreams, streamsMb } = outcome(500, ours)
    expect(meanReadsPerSecond).toBeCloseTo(500 / 60)
    expect(openStreams).toBe(500)
    expect(streamsMb).toBeCloseTo((500 * 120) / 1024)
    expect(lastKnowsMs).toBeCloseTo((500 * 30) / 1000)
  })

  test('every node knows in the end, however many there are', () => {
    for (const strategy of strategies) expect(outcome(20_000, strategy).lastKnowsMs).toBeGreaterThan(0)
  })

  test('the advice is the largest size up to which all is well', () => {
    expect(largest([1, 2, 3, 4], (size) => size !== 3)).toBe(2)
    expect(largest([1, 2], () => false)).toBeUndefined()
    expect(advice(inputs)).toMatch(/^Up to about [\d,]+ waiting nodes/)
  })
})

describe('the report', () => {
  const wake = { 'k3s-loop': [2400, 2600], floor: [2, 3], 'this-package': [2.2, 3.2] }
  const results: Results = {
    quick: true,
    date: '2026-01-31',
    machine: 'a processor, 2 cores',
    versions: ['Node v24'],
    minutes: 1,
    measured: { wake },
  }

  test('tells what was measured, and no more', () => {
    const text = describeResults(results, 'quick.svg')
    expect(text).toContain('on a processor, 2 cores: Node v24.')
    expect(text).toMatch(/\| wake: write to known, median \| 2,500 .*\| 1\.08 × \| 0\.0011 × \|/)
    expect(text).not.toContain('reopen')
    expect(text).not.toContain('NaN')
  })

  test('compares with what was promised', () => {
    const [toFloor, , toLoop] = promises(results)
    expect(toFloor).toMatchObject({ limit: 1.15, unit: ' ×' })
    expect(toFloor?.figure).toBeCloseTo(1.08)
    expect(toLoop?.figure).toBeLessThan(1 / 500)
  })

  test('draws a picture without a browser', () => {
    expect(drawWake(wake)).toMatch(/^<svg .*this package.*<\/svg>$/s)
  })
})
