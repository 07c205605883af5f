import { expect, test } from 'vitest'
import { drawWake } from '../../bench/report/chart.ts'
import { ratio, table, threeDigits } from '../../bench/report/markdown.ts'
import { renderReport } from '../../bench/report/report.ts'
import type { Results } from '../../bench/results.ts'
import stored from '../../bench/results/results.json' with { type: 'json' }
import { checkTargets } from '../../bench/targets.ts'

const wake = { 'k3s-loop': [2400, 2600], 'raw-grpc-js': [2, 3], 'this-package': [2.2, 3.2] }
const results: Results = {
  quick: true,
  date: '2026-01-31',
  machine: 'a processor, 2 cores',
  versions: ['Node v24'],
  minutes: 1,
  measured: { wake },
}

test('threeDigits keeps three significant digits, or two below 1', () => {
  expect([0.0012345, 1.2345, 12.345, 12_345, undefined].map(threeDigits)).toEqual([
    '0.0012',
    '1.23',
    '12.3',
    '12,345',
    '',
  ])
})

test('ratio is empty if a value was not measured or the base is 0', () => {
  expect(ratio(3, 2)).toBe('1.5 ×')
  expect([ratio(undefined, 2), ratio(3, undefined), ratio(3, 0)]).toEqual(['', '', ''])
})

test('table returns a Markdown table with right-aligned columns after the labels', () => {
  expect(table(['a', 'b'], [['1', '2']])).toBe('| a | b |\n| --- | --: |\n| 1 | 2 |')
  expect(table(['a', 'b'], [['1', '2']], 2)).toBe('| a | b |\n| --- | --- |\n| 1 | 2 |')
})

test('renderReport contains what was measured, and nothing else', () => {
  const text = renderReport(results, 'quick.svg')
  expect(text).toContain('on a processor, 2 cores, with Node v24.')
  expect(text).toContain("| K3s's loop | 2,500 |")
  expect(text).toMatch(/\| this package \/ raw grpc-js \| 1\.08 × \|/)
  expect(text).toMatch(/\| this package \/ K3s's loop \| 0\.0011 × \|/)
  expect(text).not.toContain("etcd3's watcher")
  expect(text).not.toContain('reopen')
  expect(text).not.toContain('NaN')
})

test('renderReport has a figure for everything in the stored results', () => {
  const { inputs: _, ...measured } = stored.measured
  const text = renderReport({ ...stored, measured }, 'results.svg')
  for (const scenario of ['wake', 'herd', 'waiting', 'outage', 'recovery', 'reopen', 'coldStart']) {
    expect(text).toContain(`\`${scenario}\``)
  }
  expect(text).not.toMatch(/NaN|undefined|null/)
})

test('checkTargets compares the measured figures with their limits', () => {
  const [toRawGrpcJs, , toK3sLoop] = checkTargets(results)
  expect(toRawGrpcJs).toMatchObject({ limit: 1.15, unit: ' ×' })
  expect(toRawGrpcJs?.figure).toBeCloseTo(1.08)
  expect(toK3sLoop?.figure).toBeLessThan(1 / 500)
})

test('checkTargets omits targets whose figures were not measured', () => {
  expect(checkTargets(results).map(({ what }) => what.split(':')[0])).toEqual(['`wake`', '`wake`', '`wake`'])
  expect(checkTargets(stored)).toHaveLength(18)
})

test('drawWake draws an SVG without a browser', () => {
  expect(drawWake(wake)).toMatch(/^<svg .*this package.*<\/svg>$/s)
})
