import { expect, test } from 'vitest'
import { StoreHistory } from '../../../src/call/history.ts'
import { idle } from '../../support/clock.ts'
import { followFake, outcome, watchFake } from '../../support/fake-watch.ts'

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

test.each([
  ['the same value in a newer store', snapshot('x', 5n, 9n), false],
  ['an older value', snapshot('w', 4n, 7n), false],
  ['a newer value', snapshot('y', 9n, 9n), true],
  ['the same value, written again', snapshot('x', 9n, 9n), true],
  ['a deletion', snapshot(undefined, 0n, 9n), true],
])('StoreHistory.isBehind says whether there may be lists before a snapshot: %s', (_, read, expected) => {
  expect(new StoreHistory(snapshot('x', 5n, 7n)).isBehind(read)).toBe(expected)
})

test('StoreHistory.isBehind is false while the key stays deleted and other keys are written', () => {
  const history = new StoreHistory(snapshot(undefined, 0n, 7n))
  expect(history.isBehind(snapshot(undefined, 0n, 9n))).toBe(false)
  expect(history.isBehind(snapshot('x', 9n, 9n))).toBe(true)
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
    'attempt',
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
  expect(events.of('resynced')).toEqual([{ type: 'resynced', revision: '2' }])
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

test('a watch is pushed changes at once after a restored backup, although its stream was not cut', async () => {
  const { etcd, watch, events, clock } = await followFake([a], {}, () => 0)
  const restore = etcd.save()
  etcd.bump(10n)
  etcd.putList(a, b)
  await idle()
  await watch.next()
  restore({ behindProxy: true })
  await clock.advance(61_000) // The periodic read comes after 60 s.
  events.clear()
  const next = outcome(watch.next())
  etcd.putList(a, c)
  await idle()
  expect(next.is).toMatchObject({ addresses: [a, b, c], added: [c] })
  expect(events.types).toEqual(['changed'])
  expect(etcd.streams.size).toBe(1)
  await watch.close()
})

test('a watch emits resynced once, and no loss, when it replaces its stream after a restored backup', async () => {
  const { etcd, watch, events, clock } = await followFake([a], {}, () => 0)
  const restore = etcd.save()
  etcd.bump(10n)
  etcd.putList(a, b)
  await idle()
  await watch.next()
  restore({ behindProxy: true })
  events.clear()
  await clock.advance(64_000)
  expect(events.types).toEqual(['attempt', 'resynced', 'held', 'attempt', 'changed'])
  await watch.close()
})

test('a watch drops the changes of the old history that arrive while a read finds the new one', async () => {
  const { etcd, watch, events, clock } = await followFake([a], { shrinkDelayMs: 0 }, () => 0)
  const restore = etcd.save()
  etcd.bump(10n)
  etcd.putList(a)
  etcd.latencyMs = 1000
  await clock.advance(59_900)
  etcd.putList(b) // This change arrives during the read, which begins at 60 s.
  restore({ behindProxy: true })
  await clock.advance(5000)
  expect(events.types).toEqual(['attempt', 'resynced'])
  await watch.close()
})

test('a watch reads again when its stream was opened on an older history than the read before it', async () => {
  const { etcd, watch, events, clock } = await followFake([a], {}, () => 0)
  const restore = etcd.save()
  etcd.bump(10n)
  etcd.latencyMs = 100
  etcd.cut()
  await clock.advance(250) // The read has begun after 125 ms, and the stream is being opened.
  restore({ behindProxy: true })
  etcd.putList(a, b)
  await clock.advance(2000)
  expect(events.types.filter((type) => type !== 'attempt' && type !== 'retry')).toEqual([
    'disconnected',
    'phase',
    'phase',
    'resynced',
    'changed',
    'connected',
  ])
  expect(events.of('phase')[1]).toMatchObject({
    reason: 'unavailable',
    message: expect.stringMatching(/a snapshot was restored/),
  })
  await watch.close()
})

test('a call is pushed changes at once after a restored backup, although its stream was not cut', async () => {
  const { etcd, watch, events, clock } = watchFake({ minAddresses: 2 }, () => 0)
  etcd.putList(a)
  const restore = etcd.save()
  etcd.bump(10n)
  const next = outcome(watch.next())
  await idle()
  restore({ behindProxy: true })
  await clock.advance(61_000) // The periodic read comes after 60 s.
  expect(events.of('attempt')).toHaveLength(2)
  etcd.putList(a, b)
  await idle()
  expect(next.is).toMatchObject({ addresses: [a, b] })
  expect(events.of('attempt')).toHaveLength(2)
  await watch.close()
})

test('a call reads again when its stream was opened on an older history than the read before it', async () => {
  const { etcd, watch, clock } = watchFake({}, () => 0)
  const restore = etcd.save()
  etcd.bump(10n)
  etcd.latencyMs = 100
  const next = outcome(watch.next())
  await clock.advance(125) // The read is over, and the stream is being opened.
  restore({ behindProxy: true })
  etcd.putList(a)
  await clock.advance(1000)
  expect(next.is).toMatchObject({ addresses: [a] })
  await watch.close()
})
