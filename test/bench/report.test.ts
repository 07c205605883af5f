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

const start = { outputMs: [100], exitMs: [110], cpuMs: 90, peakMb: 59 }
const costs = [0, 1].map(() => ({ requests: 1, connects: 0, cpuMs: 5, rssMb: 58 }))
const memory = { waiters: 200, durationMs: 600_000, heapMb: [10, 11], rssMb: [90, 91] }
const kubernetes: Results = {
  ...results,
  measured: {
    kubernetesColdStart: {
      'one raw request': start,
      'this package, the library': { ...start, outputMs: [125] },
      'this package, the command': { ...start, outputMs: [130] },
      'an empty module': start,
    },
    kubernetesWake: { 'raw-http2': [2], 'this-package': [2.2] },
    kubernetesHandles: { calls: 1000, left: 0 },
    kubernetesRecovery: { 'raw-http2': [700], 'this-package': [600] },
    kubernetesWaiting: { 'raw-http2': costs, 'this-package': costs },
    kubernetesMemory: { 'raw-http2': memory, 'this-package': memory },
  },
}

test('renderReport has a section about the source kubernetes, and none about etcd without its figures', () => {
  const text = renderReport(kubernetes, 'quick.svg')
  const { kubernetesHandles: _, ...scenarios } = kubernetes.measured
  for (const name of Object.keys(scenarios)) expect(text).toContain(`\`${name}\``)
  expect(text).toMatch(/\| this package \/ raw node:http2 \| 1\.1 × \|/)
  expect(text).toContain('None of 1,000 calls')
  expect(text).not.toContain('Comparison with other programs')
  expect(text).not.toMatch(/NaN|undefined|null/)
})

test('checkTargets has the four figures that the source kubernetes must not exceed', () => {
  const figures = checkTargets(kubernetes).map(({ what, figure, limit }) => [what, Number(figure.toFixed(2)), limit])
  expect(figures).toEqual(
    expect.arrayContaining([
      ['`kubernetesWake`: median / raw node:http2', 1.1, 1.2],
      ['`kubernetesColdStart`: the library / one raw request', 1.25, 1.3],
      ['`kubernetesColdStart`: peak memory of the library', 59, 60],
      ['`kubernetesHandles`: calls that leave an open handle', 0, 0],
    ]),
  )
})

test('checkTargets compares the measured figures with their limits', () => {
  const [toRawGrpcJs, , toK3sLoop] = checkTargets(results)
  expect(toRawGrpcJs).toMatchObject({ limit: 1.15, unit: ' ×' })
  expect(toRawGrpcJs?.figure).toBeCloseTo(1.08)
  expect(toK3sLoop?.figure).toBeLessThan(1 / 500)
})

test('checkTargets omits targets whose figures were not measured', () => {
  expect(checkTargets(results).map(({ what }) => what.split(':')[0])).toEqual(['`wake`', '`wake`', '`wake`'])
  expect(checkTargets(stored)).toHaveLength(32)
})

test('drawWake draws an SVG without a browser', () => {
  expect(drawWake(wake)).toMatch(/^<svg .*this package.*<\/svg>$/s)
})
