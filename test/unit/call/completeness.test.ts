import { expect, test } from 'vitest'
import { Completeness } from '../../../src/call/completeness.ts'

const required = { minAddresses: 1, expect: [], settleMs: 0 }
const snapshot = (version: number, revision = version, createRevision = 1) => ({
  value: undefined,
  modRevision: BigInt(version),
  createRevision: BigInt(createRevision),
  version: BigInt(version),
  revision: BigInt(revision),
})

test.each([
  [{ minAddresses: 3 }, ['a:1'], 'the list has 1 of at least 3 addresses: a:1', []],
  [{ expect: ['b'] }, ['a:1'], 'the list lacks b: a:1', ['b']],
  [{ expect: ['a', 'a:2'] }, ['a:1'], 'the list lacks a:2: a:1', ['a:2']],
  [
    { minAddresses: 3, expect: ['b', 'c'] },
    ['a:1', 'b:1'],
    'the list has 2 of at least 3 addresses and lacks c: a:1, b:1',
    ['c'],
  ],
  [{ expect: ['[fd00::2]'] }, ['[fd00::1]:1'], 'the list lacks [fd00::2]: [fd00::1]:1', ['[fd00::2]']],
])('Completeness.check returns what a list lacks of %j', (options, addresses, message, missing) => {
  expect(new Completeness({ ...required, ...options }).check(addresses, snapshot(1), 0)).toEqual({
    message,
    missing,
    settlesInMs: undefined,
  })
})

test('Completeness.check names the first nine addresses of a long list', () => {
  const addresses = Array.from({ length: 100 }, (_, i) => `h${i}:1`)
  const message = new Completeness({ ...required, minAddresses: 101 }).check(addresses, snapshot(1), 0)?.message
  expect(message).toMatch(/^the list has 100 of at least 101 addresses: h0:1, .* and 91 more$/)
})

test.each([
  [{}, ['a:1']],
  [{ minAddresses: 2 }, ['a:1', 'b:1']],
  [{ expect: ['a', 'b:1'] }, ['a:1', 'b:1', 'c:1']],
  [{ expect: ['[fd00::1]'] }, ['[fd00::1]:6443']],
])('Completeness.check returns undefined for a list with all of %j', (options, addresses) => {
  expect(new Completeness({ ...required, ...options }).check(addresses, snapshot(1), 0)).toBeUndefined()
})

test.each([
  [{ minAddresses: 2 }, 'the list has 1 of at least 2 addresses alive: b:1 is dead (refused)', []],
  [{ expect: ['a', 'b'] }, 'the list lacks b alive: b:1 is dead (refused)', ['b']],
  [{ minAddresses: 1, expect: ['a:1'] }, undefined, undefined],
])('Completeness.checkAlive returns what the living addresses lack of %j', (options, message, missing) => {
  const shortfall = new Completeness({ ...required, ...options }).checkAlive([
    { address: 'a:1', state: 'alive', latencyMs: 1 },
    { address: 'b:1', state: 'dead', latencyMs: 1, cause: 'refused' },
  ])
  expect([shortfall?.message, shortfall?.missing]).toEqual([message, missing])
})

/** Checks a list that is complete, and returns how long it still has to settle. */
const settlesInMs = (
  completeness: Completeness,
  addresses: string[],
  now: number,
  ...revisions: Parameters<typeof snapshot>
) => completeness.check(addresses, snapshot(...revisions), now)?.settlesInMs

test('Completeness.check returns the time that is left of settleMs', () => {
  const completeness = new Completeness({ ...required, settleMs: 3000 })
  expect(settlesInMs(completeness, ['a:1'], 100, 1)).toBe(3000)
  expect(settlesInMs(completeness, ['a:1'], 1100, 1)).toBe(2000)
  expect(settlesInMs(completeness, ['a:1'], 3100, 1)).toBeUndefined()
})

test.each<[change: string, before: number, addresses: string[], ...after: Parameters<typeof snapshot>]>([
  ['a new address', 1, ['a:1', 'b:1'], 2],
  ['other addresses of the same number', 1, ['b:1'], 2],
  ['two writes, one of which may have been different', 1, ['a:1'], 3],
  ['a history that was replaced', 5, ['a:1'], 5, 4],
  ['a history that was replaced and has passed the earlier revision', 5, ['a:1'], 4, 9],
  ['a key that was deleted and written again', 1, ['a:1'], 1, 9, 9],
  ['a key that was deleted and written twice', 1, ['a:1'], 2, 9, 8],
])('Completeness.check starts settleMs again after %s', (_change, before, addresses, ...after) => {
  const completeness = new Completeness({ ...required, settleMs: 3000 })
  settlesInMs(completeness, ['a:1'], 0, before)
  expect(settlesInMs(completeness, addresses, 2000, ...after)).toBe(3000)
})

test('Completeness.check starts settleMs again after reset', () => {
  const completeness = new Completeness({ ...required, settleMs: 3000 })
  settlesInMs(completeness, ['a:1'], 0, 1)
  completeness.reset()
  expect(settlesInMs(completeness, ['a:1'], 2000, 2)).toBe(3000)
})

test('Completeness.check does not start settleMs again when the same list is written again', () => {
  const completeness = new Completeness({ ...required, settleMs: 3000 })
  settlesInMs(completeness, ['a:1'], 0, 1)
  expect(settlesInMs(completeness, ['a:1'], 2000, 2)).toBe(1000)
  expect(settlesInMs(completeness, ['a:1'], 3000, 3)).toBeUndefined()
})
