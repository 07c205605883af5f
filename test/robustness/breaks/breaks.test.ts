import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { breaks } from '../../../robustness/breaks/breaks.ts'

test.each(breaks)('the code that a break replaces occurs once: $what', ({ file, code, broken }) => {
  const text = readFileSync(join(import.meta.dirname, '../../../src', file), 'utf8')
  expect(text.split(code)).toHaveLength(2)
  expect(broken).not.toBe(code)
})
