import { expect, test } from 'vitest'
import { read } from '../support/documents.ts'

test('docs/limits.md names as many waiting nodes as the report of the benchmark', () => {
  const [, documented] = /up to about ([\d,]+) waiting nodes/.exec(read('docs/limits.md')) ?? []
  const [, measured] = /up to about ([\d,]+) waiting nodes/i.exec(read('bench/results/results.md')) ?? []
  expect(documented).toMatch(/^\d/)
  expect(documented).toBe(measured)
})
