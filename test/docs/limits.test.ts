import { expect, test } from 'vitest'
import { read } from '../support/documents.ts'

test('docs/limits.md names as many waiting nodes as the report of the benchmark', () => {
  const [, documented] = /up to about ([\d,]+) waiting nodes/.exec(read('docs/limits.md')) ?? []
  const [, measured] = /up to about ([\d,]+) waiting nodes/i.exec(read('bench/results/results.md')) ?? []
  expect(documented).toMatch(/^\d/)
  expect(documented).toBe(measured)
})

test('docs/limits.md says of many nodes that read from Kubernetes what the report of the benchmark has measured', () => {
  const onOneLine = (document: string) => read(document).replace(/\s+/g, ' ')
  const claim =
    /simulation, ([\d,]+) nodes watch three apiservers.*less than (\d+) % of one processor .*less than (\d+) GB of memory/
  const result =
    /, ([\d,]+) nodes send each of the three apiservers .*watches are ([\d.]+) % of one .*need ([\d.]+) GB of memory/
  const [, nodes, maxPercent, maxGb] = claim.exec(onOneLine('docs/limits.md')) ?? []
  const [, simulated, percent, gb] = result.exec(onOneLine('bench/results/results.md')) ?? []
  expect(nodes).toMatch(/^\d/)
  expect(nodes).toBe(simulated)
  expect(Number(percent)).toBeLessThan(Number(maxPercent))
  expect(Number(gb)).toBeLessThan(Number(maxGb))
})
