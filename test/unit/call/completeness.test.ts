import { describe, expect, test } from 'vitest'
import { Completeness } from '../../../src/call/completeness.ts'

const required = { minAddresses: 1, expect: [], settleMs: 0 }
const reading = (version: number, revision = version, createRevision = 1) => ({
  value: undefined,
  modRevision: BigInt(version),
  createRevision: BigInt(createRevision),
  version: BigInt(version),
  revision: BigInt(revision),
})

describe('a list is short', () => {
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
  ])('of %j', (options, addresses, message, missing) => {
    expect(new Completeness({ ...required, ...options }).check(addresses, reading(1), 0)).toEqual({
      message,
      missing,
      settlesInMs: undefined,
    })
  })

  test('a long one is not told in full', () => {
    const addresses = Array.from({ length: 100 }, (_, i) => `h${i}:1`)
    const message = new Completeness({ ...required, minAddresses: 101 }).check(addresses, reading(1), 0)?.message
    expect(message).toMatch(/^the list has 100 of at least 101 addresses: h0:1, .* and 91 more$/)
  })
})

test.each([
  [{}, ['a:1']],
  [{ minAddresses: 2 }, ['a:1', 'b:1']],
  [{ expect: ['a', 'b:1'] }, ['a:1', 'b:1', 'c:1']],
  [{ expect: ['[fd00::1]'] }, ['[fd00::1]:6443']],
])('a list with all of %j is complete', (options, addresses) => {
  expect(new Completeness({ ...required, ...options }).check(addresses, reading(1), 0)).toBeUndefined()
})

describe('a complete list is short of what is alive', () => {
  const probes = [
    { address: 'a:1', state: 'alive' as const, latencyMs: 1 },
    { address: 'b:1', state: 'dead' as const, latencyMs: 1, cause: 'refused' },
  ]
  test.each([
    [{ minAddresses: 2 }, 'the list has 1 of at least 2 addresses alive: b:1 is dead (refused)', []],
    [{ expect: ['a', 'b'] }, 'the list lacks b alive: b:1 is dead (refused)', ['b']],
    [{ minAddresses: 1, expect: ['a:1'] }, undefined, undefined],
  ])('of %j', (options, message, missing) => {
    const shortfall = new Completeness({ ...required, ...options }).checkAlive(probes)
    expect([shortfall?.message, shortfall?.missing]).toEqual([message, missing])
  })
})

describe('a list has to settle', () => {
  const settled = (gate: Completeness, addresses: string[], version: number, now: number, ...more: number[]) =>
    gate.check(addresses, reading(version, ...more), now)?.settlesInMs

  test('for the whole time', () => {
    const gate = new Completeness({ ...required, settleMs: 3000 })
    expect(settled(gate, ['a:1'], 1, 100)).toBe(3000)
    expect(settled(gate, ['a:1'], 1, 1100)).toBe(2000)
    expect(settled(gate, ['a:1'], 1, 3100)).toBeUndefined()
  })

  test.each<[name: string, addresses: string[], version: number, before: number, ...more: number[]]>([
    ['a new address', ['a:1', 'b:1'], 2, 1],
    ['other addresses of the same number', ['b:1'], 2, 1],
    ['two writes, one of which may have been different', ['a:1'], 3, 1],
    ['a history that was replaced', ['a:1'], 5, 5, 4],
    ['a history that was replaced, and has overtaken the one before', ['a:1'], 4, 5, 9],
    ['a key that was deleted and written again', ['a:1'], 1, 1, 9, 9],
    ['a key that was deleted, and written twice', ['a:1'], 2, 1, 9, 8],
  ])('again after %s', (_name, addresses, version, before, ...more) => {
    const gate = new Completeness({ ...required, settleMs: 3000 })
    settled(gate, ['a:1'], before, 0)
    expect(settled(gate, addresses, version, 2000, ...more)).toBe(3000)
  })

  test('again after there was no list', () => {
    const gate = new Completeness({ ...required, settleMs: 3000 })
    settled(gate, ['a:1'], 1, 0)
    gate.reset()
    expect(settled(gate, ['a:1'], 2, 2000)).toBe(3000)
  })

  test('but not after a rewrite of the same list', () => {
    const gate = new Completeness({ ...required, settleMs: 3000 })
    settled(gate, ['a:1'], 1, 0)
    expect(settled(gate, ['a:1'], 2, 2000)).toBe(1000)
    expect(settled(gate, ['a:1'], 3, 3000)).toBeUndefined()
  })
})
