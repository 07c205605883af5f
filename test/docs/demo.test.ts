import { expect, test } from 'vitest'
import { codeBlocks, read } from '../support/documents.ts'

test('docs/demo.md has a recording of the demo with its present steps', () => {
  const [recording = ''] = codeBlocks(read('docs/demo.md'), 'text')
  expect(recording).toContain('An RKE2 server boots')
  const steps = [...read('demo/demo.ts').matchAll(/(?:step|write|writeList)\(['"](.+?)['"],/g)]
  expect(steps.length).toBeGreaterThan(5)
  for (const [, step = ''] of steps) expect(recording).toContain(step)
  expect(recording).toContain('exit code 0')
})
