import { expect, test } from 'vitest'
import { LineSplitter } from '../../../../src/sources/kubernetes/body.ts'
import { memoryInUse } from '../../../support/heap.ts'

function split(...chunks: readonly (string | Buffer)[]): string[] {
  const lines: string[] = []
  const splitter = new LineSplitter((line) => lines.push(line))
  for (const chunk of chunks) splitter.push(Buffer.from(chunk))
  return lines
}

test.each<[title: string, chunks: (string | Buffer)[], lines: string[]]>([
  ['a line in one chunk', ['a\n'], ['a']],
  ['lines in one chunk', ['a\nb\nc'], ['a', 'b']],
  ['a line in several chunks', ['a', 'b', '', 'c\nd', '\n'], ['abc', 'd']],
  ['empty lines', ['\n\na\n\n'], ['a']],
  ['a character in two chunks', [Buffer.from([0xc3]), Buffer.from([0xa9, 10])], ['é']],
  ['a line without an end', ['a'], []],
])('LineSplitter returns %s', (_title, chunks, lines) => {
  expect(split(...chunks)).toEqual(lines)
})

test('LineSplitter refuses a line of more than 8 MiB as invalid-value, and takes several that are shorter', () => {
  const half = Buffer.alloc(5 << 20, 32)
  const splitter = new LineSplitter(() => {})
  for (let left = 3; left > 0; left--) {
    splitter.push(half)
    splitter.push(Buffer.from('\n'))
  }
  splitter.push(half)
  expect(() => splitter.push(half)).toThrow(expect.objectContaining({ reason: 'invalid-value' }))
})

test('LineSplitter needs no more memory for a line that comes byte by byte', () => {
  const splitter = new LineSplitter(() => {})
  const before = memoryInUse()
  for (let left = 1 << 20; left > 0; left--) splitter.push(Buffer.from('a'))
  const { heapUsed, external } = memoryInUse()
  expect((heapUsed + external - before.heapUsed - before.external) / 1e6).toBeLessThan(10)
  splitter.push(Buffer.from('\n'))
})
