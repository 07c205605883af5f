import { expect, test, vi } from 'vitest'
import { Completeness } from '../../../src/call/completeness.ts'
import { rehearseCheck } from '../../../src/call/rehearse.ts'

test('rehearseCheck checks one list in the life of a process, and a list that is too short throws nothing', () => {
  using check = vi.spyOn(Completeness.prototype, 'check')
  const required = { minAddresses: 3, expect: ['a'], settleMs: 1000 }
  rehearseCheck(required)
  rehearseCheck(required)
  expect(check.mock.calls.map(([addresses]) => addresses)).toEqual([['localhost:6443']])
})
