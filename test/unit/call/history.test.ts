import { expect, test } from 'vitest'
import { StoreHistory } from '../../../src/call/history.ts'
import { idle } from '../../support/clock.ts'
import { followFake, outcome, watchFake } from '../../support/watching.ts'

const a = '10.0.0.1:6443'
const b = '10.0.0.2:6443'
const c = '10.0.0.3:6443'

/** The value of the key that was written at `modRevision`, read when the store was at `revision`. */
const snapshot = (value: string | undefined, modRevision: bigint, revision: bigint) => ({
  value: value === undefined ? undefined : Buffer.from(value),
  modRevision,
  createRevision: modRevision,
  version: 1n,
  revision,
})

test.each([
  ['the same state', snapshot('x', 5n, 7n), false],
  ['a newer revision of the store', snapshot('x', 5n, 9n), false],
  ['a newer value', snapshot('y', 9n, 9n), false],
  ['a deletion', snapshot(undefined, 0n, 9n), false],
  ['an older revision of the store', snapshot('x', 5n, 6n), true],
  ['an older revision of the key', snapshot('x', 4n, 9n), true],
  ['another value at the same revision of the key', snapshot('y', 5n, 9n), true],
])('StoreHistory.isReplacedBy compares a read with the newest state: %s', (_, read, expected) => {
  expect(new StoreHistory(snapshot('x', 5n, 7n)).isReplacedBy(read)).toBe(expected)
})

test('StoreHistory.advance returns the revision of a newer value, and undefined for an older one', () => {
  const history = new StoreHistory(snapshot('x', 5n, 7n))
  expect(history.advance(snapshot('y', 8n, 8n))).toBe(8n)
  expect(history.advance(snapshot('x', 6n, 6n))).toBeUndefined()
  expect(history.advance(snapshot(undefined, 0n, 9n))).toBe(9n)
  expect(history.revision).toBe(9n)
})

test('StoreHistory.restart makes every revision new', () => {
  const history = new StoreHistory(snapshot('x', 5n, 7n))
  history.restart()
  expect(history.advance(snapshot('x', 2n, 3n))).toBe(2n)
  expect(history.revision).toBe(3n)
})

test('a watch emits resynced and follows the store when an older backup was restored', async () => {
  const { etcd, watch, events, clock } = await followFake([a])
  const restore = etcd.save()
  const latest = etcd.putList(a, b)
  await idle()
  expect((await watch.next()).value).toMatchObject({ addresses: [a, b], revision: String(latest) })
  restore()
  etcd.putList(c)
  events.clear()
  await clock.advance(4000)
  expect(events.types).toEqual([
    'disconnected',
    'phase',
    'retry',
    'attempt',
    'resynced',
    'changed',
    'held',
    'connected',
    'changed',
  ])
  expect((await watch.next()).value).toMatchObject({ addresses: [c], revision: String(latest) })
  await watch.close()
})

test('a watch notices a restored backup whose store has passed the revisions that the watch had seen', async () => {
  const { etcd, watch, events, clock } = await followFake([a])
  const restore = etcd.save()
  etcd.bump(10n)
  etcd.putList(a, b)
  await idle()
  await watch.next()
  restore()
  etcd.bump(100n)
  await clock.advance(4000)
  expect(events.of('resynced')).toEqual([{ type: 'resynced', revision: String(etcd.revision) }])
  expect((await watch.next()).value).toMatchObject({ addresses: [a], removed: [b], revision: '2' })
  await watch.close()
})

test('a watch emits resynced once for a restored backup that has the same list', async () => {
  const { etcd, watch, events, clock } = await followFake([a])
  const restore = etcd.save()
  etcd.bump(10n)
  etcd.cut()
  await clock.advance(1000)
  restore()
  await clock.advance(1000)
  etcd.cut()
  await clock.advance(5000)
  expect(events.of('resynced')).toEqual([{ type: 'resynced', revision: '2' }])
  await watch.close()
})

test('a watch keeps the last list when a backup without the key was restored', async () => {
  const { etcd, watch, events, clock } = watchFake()
  const restore = etcd.save()
  etcd.putList(a)
  await watch.next()
  await idle()
  restore()
  const next = outcome(watch.next())
  await clock.advance(4000)
  expect(events.types.slice(-3)).toEqual(['resynced', 'ignored', 'connected'])
  expect(next.is).toBe('pending')
  etcd.putList(b)
  await idle()
  expect(next.is).toMatchObject({ addresses: [a, b] })
  await watch.close()
})
