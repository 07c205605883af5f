import { expect, test, vi } from 'vitest'
import { Completeness } from '../../../src/call/completeness.ts'
import { createRehearsal } from '../../../src/call/rehearse.ts'

test('a rehearsal checks one list at its first call, and throws nothing if that list is too short', async () => {
  using check = vi.spyOn(Completeness.prototype, 'check')
  const rehearse = createRehearsal()
  const required = { minAddresses: 3, expect: ['a'], settleMs: 1000 }
  await rehearse(required)
  await rehearse(required)
  expect(check.mock.calls.map(([addresses]) => addresses)).toEqual([['localhost:6443', 'localhost:6444']])
})
