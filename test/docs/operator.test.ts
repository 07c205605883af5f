import { expect, test } from 'vitest'
import { codeBlocks, read } from '../support/documents.ts'

const [recording = ''] = codeBlocks(read('docs/operator.md'), 'text')
const scenes = recording.split(/^(?=\d\. )/m)
/** Returns the flags of a command line with their values. The paths of the demo are its own. */
const flags = (text: string) => [...text.matchAll(/--[a-z-]+(?: \d\w*)?/g)].map(([flag]) => flag).toSorted()

test('docs/operator.md has a recording of a gate, a file and a program, each with etcd down in the middle', () => {
  expect(scenes).toHaveLength(3)
  for (const scene of scenes) {
    expect(scene).toContain('--- etcd is down')
    expect(scene).toContain('--- etcd is back')
    expect(scene).toContain('waiting for etcd')
  }
  expect(scenes[0]).toContain('ended with exit code 0')
  expect(scenes[1]).toMatch(/journalctl -p warning.*\n.*still waiting for etcd/)
  expect(scenes[2]).toContain('ended with exit code 7')
})

test('docs/operator.md has a recording of the present demo', () => {
  const steps = [...read('demo/operator.ts').matchAll(/happens\('(.+?)'\)/g)]
  expect(steps.length).toBeGreaterThan(5)
  for (const [, step = ''] of steps) expect(recording).toContain(step)
})

test('docs/operator.md shows the flags that the demo gives to the units', () => {
  const given = [...read('demo/operator.ts').matchAll(/ = start\((.+)\)/g)].map(([, args = '']) => args)
  expect(given).toHaveLength(2)
  for (const [index, args] of given.entries()) {
    const [, shown = ''] = /^ExecStart.* rke2-apiserver-resolver (.*?)\n\n/ms.exec(scenes[index] ?? '') ?? []
    expect(flags(shown)).toEqual(flags(args.replaceAll("'", '').replaceAll(',', '')))
  }
})

test('docs/operator.md shows the journal within 80 columns, with the message first in each line', () => {
  const journal = scenes.slice(0, 2).join('')
  expect(journal.split('\n').filter((line) => line.length > 80)).toEqual([])
  const entries = [...journal.matchAll(/^\w{3} \d\d [\d:]{8} env\[\d+\]: (.*)$/gm)].map(([, text]) => text)
  expect(entries.length).toBeGreaterThan(10)
  for (const entry of entries) expect(entry).toMatch(/^[a-z0-9]/)
})
