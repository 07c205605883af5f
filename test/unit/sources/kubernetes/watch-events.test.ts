import { expect, test } from 'vitest'
import { parseWatchEvent, sampleEvent } from '../../../../src/sources/kubernetes/watch-events.ts'

test('sampleEvent is a change of a slice with an address, newer than any list', () => {
  const slice = { addresses: ['localhost:6443'], resourceVersion: 2n ** 63n - 1n }
  expect(parseWatchEvent(sampleEvent)).toMatchObject({ type: 'changed', slice })
})
