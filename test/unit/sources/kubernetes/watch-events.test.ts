import { expect, test, vi } from 'vitest'
import { parseWatchEvent, prepareToParseEvents } from '../../../../src/sources/kubernetes/watch-events.ts'

test('prepareToParseEvents parses an event of a slice with an address', () => {
  using parse = vi.spyOn(JSON, 'parse')
  prepareToParseEvents()
  const [sample] = parse.mock.calls[0]!
  expect(parseWatchEvent(sample)).toMatchObject({ type: 'changed', slice: { addresses: ['localhost:6443'] } })
})
