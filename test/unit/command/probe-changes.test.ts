import { expect, test } from 'vitest'
import { describeProbeChanges } from '../../../src/command/probe-changes.ts'
import { alive, dead } from '../../support/sample-events.ts'

const verified = { ...alive, verified: true }
const returned = { ...verified, address: 'b:1' }

test.for([
  ['an address that is dead from the start', [], [verified, dead], ['b:1 is dead: connect ECONNREFUSED']],
  ['an address that has died', [verified, returned], [verified, dead], ['b:1 is dead: connect ECONNREFUSED']],
  ['an address that is alive again', [verified, dead], [verified, returned], ['b:1 is alive again']],
  ['certificates that are not verified', [], [alive], ['certificates not verified: the CA cannot be read']],
] as const)('describeProbeChanges returns a line for %s', ([_name, before, after, lines]) => {
  expect(describeProbeChanges(before, after)).toEqual(lines)
})

test.for([
  ['an address that stays dead', [dead], [dead]],
  ['a dead address that was removed', [verified, dead], [verified]],
  ['certificates that were not verified before', [alive], [alive]],
  ['addresses that are alive from the start', [], [verified, returned]],
] as const)('describeProbeChanges returns no line for %s', ([_name, before, after]) => {
  expect(describeProbeChanges(before, after)).toEqual([])
})
