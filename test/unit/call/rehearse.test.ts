import { expect, test, vi } from 'vitest'
import { Completeness } from '../../../src/call/completeness.ts'
import { rehearseCheck } from '../../../src/call/rehearse.ts'

test('rehearseCheck checks one list, and throws nothing if that list is too short', () => {
  using check = vi.spyOn(Completeness.prototype, 'check')
  rehearseCheck({ minAddresses: 3, expect: ['a'], settleMs: 1000 })
  expect(check.mock.calls.map(([addresses]) => addresses)).toEqual([['localhost:6443']])
})
