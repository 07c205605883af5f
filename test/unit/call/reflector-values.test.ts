import { expect, test } from 'vitest'
import { idle } from '../../support/clock.ts'
import type { Stored } from '../../support/fake-etcd.ts'
import { followFake, outcome } from '../../support/fake-watch.ts'

const a = '10.0.0.1:6443'
const b = '10.0.0.2:6443'

test.each([
  ['the same value', [a, b]],
  ['another order', [b, a]],
  ['a duplicate', [a, b, a]],
])('Reflector emits nothing when the same list is written: %s', async (_, list) => {
  const { etcd, watch, events, clock } = await followFake([a, b])
  const next = outcome(watch.next())
  etcd.putList(...list)
  await clock.advance(10_000)
  expect(next.is).toBe('pending')
  expect(events.types).toEqual([])
  await watch.close()
})

test('Reflector adds an address once that is added, removed and added again while a server joins', async () => {
  const { etcd, watch, events, clock } = await followFake([a])
  etcd.putList(a, b)
  await clock.advance(1000)
  etcd.putList(a)
  await clock.advance(2999)
  etcd.putList(a, b)
  await clock.advance(10_000)
  expect(events.all).toEqual([
    expect.objectContaining({ type: 'changed', addresses: [a, b], added: [b], removed: [] }),
    { type: 'held', missing: [b], untilMs: 3000 },
  ])
  await watch.close()
})

test('Reflector emits held for an address that is missing, and removes it after shrinkDelayMs', async () => {
  const { etcd, watch, events, clock } = await followFake([a, b])
  const next = outcome(watch.next())
  etcd.putList(a)
  await clock.advance(1000)
  etcd.putList(a)
  await clock.advance(1999)
  expect(events.all).toEqual([{ type: 'held', missing: [b], untilMs: 3000 }])
  await clock.advance(1)
  expect(next.is).toMatchObject({ addresses: [a], removed: [b], revision: '4' })
  expect(events.types).toEqual(['held', 'attempt', 'changed'])
  await watch.close()
})

test('Reflector adds the new address at once and removes the old one later when one replaces the other', async () => {
  const { etcd, watch, clock } = await followFake([a])
  etcd.putList(b)
  await idle()
  expect((await watch.next()).value).toMatchObject({ addresses: [a, b], added: [b], removed: [] })
  const next = outcome(watch.next())
  await clock.advance(3000)
  expect(next.is).toMatchObject({ addresses: [b], added: [], removed: [a] })
  await watch.close()
})

test.each<[string, Stored, string]>([
  ['an empty value', '', 'not-set'],
  ['white space', ' \n', 'not-set'],
  ['null', 'null', 'not-set'],
  ['an empty list', '[]\n', 'not-set'],
  ['a value that is not JSON', 'not JSON', 'invalid-value'],
  ['a list of something else', '["a"]', 'invalid-value'],
  ['bytes that are not UTF-8', Uint8Array.of(0xff), 'invalid-value'],
  ['a deleted key', undefined, 'not-set'],
])('Reflector keeps the last list and emits ignored once for %s', async (_, value, reason) => {
  const { etcd, watch, events, clock } = await followFake([a])
  const next = outcome(watch.next())
  const revision = String(etcd.put(value))
  await clock.advance(100_000)
  etcd.bump()
  await clock.advance(100_000) // The periodic read has seen the value again.
  expect(next.is).toBe('pending')
  expect(events.all.filter(({ type }) => type !== 'attempt')).toEqual([{ type: 'ignored', reason, revision }])
  etcd.putList(a, b)
  await idle()
  expect(next.is).toMatchObject({ added: [b], removed: [] })
  etcd.put(value)
  await idle()
  expect(events.of('ignored')).toHaveLength(2)
  await watch.close()
})

test('Reflector removes a missing address after shrinkDelayMs although the value has become empty', async () => {
  const { etcd, watch, events, clock } = await followFake([a, b])
  etcd.putList(a)
  etcd.put('')
  await clock.advance(3000)
  expect(events.types).toEqual(['held', 'ignored', 'attempt', 'changed'])
  expect((await watch.next()).value).toMatchObject({ addresses: [a], removed: [b] })
  await watch.close()
})

test('Reflector applies a pushed list that was replaced by an empty value while a read was in flight', async () => {
  const { etcd, watch, clock } = await followFake([a], {}, () => 0)
  etcd.latencyMs = 1000
  const next = outcome(watch.next())
  await clock.advance(59_500)
  etcd.putList(a, b)
  etcd.put('')
  await clock.advance(3000)
  expect(next.is).toMatchObject({ added: [b] })
  await watch.close()
})
