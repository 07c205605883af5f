import { expect, test } from 'vitest'
import { Failure } from '../../../src/sources/failure.ts'
import { idle } from '../../support/clock.ts'
import { followFake, outcome, watchFake } from '../../support/fake-watch.ts'

const a = '10.0.0.1:6443'
const b = '10.0.0.2:6443'
const c = '10.0.0.3:6443'

test('Reflector keeps the last list during an outage, and applies the changes after reconnecting', async () => {
  const { etcd, watch, events, clock } = await followFake([a])
  const next = outcome(watch.next())
  etcd.fault = new Failure('unreachable', 'refused')
  etcd.cut()
  await clock.advance(60_000)
  expect(next.is).toBe('pending')
  expect(events.types.slice(0, 4)).toEqual(['disconnected', 'phase', 'retry', 'attempt'])
  etcd.putList(a, b)
  etcd.fault = undefined
  await clock.advance(2000)
  expect(next.is).toMatchObject({ addresses: [a, b], added: [b] })
  expect(events.types.slice(-3)).toEqual(['attempt', 'changed', 'connected'])
  await watch.close()
})

test('Reflector reads the list again when the revision from which it watches was compacted', async () => {
  const { etcd, watch, events, clock } = await followFake([a])
  const next = outcome(watch.next())
  etcd.latencyMs = 100
  etcd.cut()
  await clock.advance(150) // The read has seen the list, and its response is on the way.
  etcd.putList(a, b)
  etcd.compact()
  await clock.advance(3000)
  expect(next.is).toMatchObject({ added: [b] })
  expect(events.types.at(-1)).toBe('connected')
  etcd.putList(a, b, c)
  await clock.advance(100)
  expect((await watch.next()).value).toMatchObject({ added: [c] })
  await watch.close()
})

test('Reflector does not remove an address during an outage, but when a read has confirmed the removal', async () => {
  const { etcd, watch, events, clock } = await followFake([a, b])
  etcd.putList(a)
  await clock.advance(1000)
  etcd.fault = new Failure('unreachable', 'refused')
  etcd.cut()
  await clock.advance(60_000)
  expect(events.of('changed')).toEqual([])
  etcd.fault = undefined
  await clock.advance(2000)
  expect(events.of('changed')).toEqual([expect.objectContaining({ removed: [b] })])
  await watch.close()
})

test('Reflector drops a pending removal when the address is back after an outage', async () => {
  const { etcd, watch, events, clock } = await followFake([a, b])
  etcd.putList(a)
  await idle()
  etcd.fault = new Failure('unreachable', 'refused')
  etcd.cut()
  etcd.putList(a, b)
  await clock.advance(60_000)
  etcd.fault = undefined
  await clock.advance(10_000)
  expect(events.of('changed')).toEqual([])
  await watch.close()
})

test('Reflector finds changes by reads with the backoff while no watch can be opened', async () => {
  const { etcd, watch, events, clock } = await followFake([a])
  etcd.watching = 'refuses'
  etcd.cut()
  await clock.advance(30_000)
  const next = outcome(watch.next())
  etcd.putList(a, b)
  await clock.advance(2000)
  expect(next.is).toMatchObject({ added: [b] })
  expect(events.of('connected')).toEqual([])
  await watch.close()
})

test('Reflector finds a change that an open watch does not push by its periodic read', async () => {
  const { etcd, watch, clock } = await followFake([a], {}, () => 0)
  for (const stream of etcd.streams) stream.send = () => {}
  etcd.putList(a, b)
  const next = outcome(watch.next())
  await clock.advance(59_999)
  expect(next.is).toBe('pending')
  await clock.advance(1)
  expect(next.is).toMatchObject({ added: [b] })
  await watch.close()
})

test.each([
  [0, 60_000],
  [0.5, 75_000],
  [0.999, 89_970],
])(
  'Reflector reads the list periodically after 60 to 90 s: with the random number %d after %d ms',
  async (random, ms) => {
    const { etcd, watch, clock } = await followFake([a], {}, () => random)
    const { reads } = etcd
    await clock.advance(ms - 1)
    expect(etcd.reads).toBe(reads)
    await clock.advance(1)
    expect(etcd.reads).toBe(reads + 1)
    await clock.advance(ms)
    expect(etcd.reads).toBe(reads + 2)
    expect(etcd.watches).toBe(1)
    await watch.close()
  },
)

test('Reflector reconnects as soon as etcd answers again after a periodic read without an answer', async () => {
  const { etcd, watch, events, clock } = await followFake([a], {}, () => 0)
  etcd.silent = true
  await clock.advance(65_000)
  expect(events.types).toEqual(['attempt', 'disconnected', 'phase', 'retry'])
  etcd.silent = false
  await idle()
  expect(events.types.slice(-3)).toEqual(['wake', 'attempt', 'connected'])
  await watch.close()
})

test('Reflector closes its watch when the periodic read fails, and opens another watch', async () => {
  const { etcd, watch, clock } = await followFake([a], {}, () => 0)
  etcd.fault = new Failure('no-leader', 'none')
  await clock.advance(60_000)
  expect(etcd.streams.size).toBe(0)
  etcd.fault = undefined
  await clock.advance(5000)
  expect(etcd.streams.size).toBe(1)
  await watch.close()
})

test('Reflector does not apply a pushed change that is older than the last read', async () => {
  const { etcd, watch, events, clock } = await followFake([a], { shrinkDelayMs: 0 }, () => 0)
  etcd.latencyMs = 1000
  await clock.advance(59_900)
  etcd.putList(b) // This change arrives after half a second. The read at 60 s sees a newer list.
  etcd.del()
  etcd.putList(c)
  etcd.latencyMs = 0
  await clock.advance(3000)
  expect(events.of('changed').map(({ addresses }) => addresses)).toEqual([[c]])
  expect(events.of('ignored')).toEqual([])
  await watch.close()
})

test('Reflector reconnects with the backoff when every watch ends at once', async () => {
  const { etcd, watch, events, clock } = await followFake([a])
  const { reads } = etcd
  events.emitter.on('connected', () => queueMicrotask(() => etcd.cut()))
  etcd.cut()
  await clock.advance(60_000)
  expect(etcd.reads - reads).toBeLessThan(60)
  expect(etcd.reads - reads).toBeGreaterThan(20)
  await watch.close()
})

test('Reflector ignores a value that is too large to be received, and goes on when it was replaced', async () => {
  const { etcd, watch, events, clock } = await followFake([a])
  etcd.fault = new Failure('invalid-value', 'larger than max')
  etcd.cut(etcd.fault)
  const next = outcome(watch.next())
  await clock.advance(600_000)
  expect(next.is).toBe('pending')
  expect(events.of('ignored')).toEqual([{ type: 'ignored', reason: 'invalid-value', revision: '2' }])
  etcd.putList(a, b)
  etcd.fault = undefined
  await clock.advance(3000)
  expect(next.is).toMatchObject({ added: [b] })
  await watch.close()
})

test('Reflector ends the watch when reading is no longer permitted: one next() rejects, the others are done', async () => {
  const { etcd, watch, events, clock } = await followFake([a])
  etcd.fault = new Failure('permission-denied', 'no')
  etcd.cut()
  const [first, second] = [outcome(watch.next()), outcome(watch.next())]
  await clock.advance(1000)
  expect(first.is).toEqual({ error: expect.objectContaining({ code: 'REJECTED', reason: 'permission-denied' }) })
  expect(second.is).toBe('done')
  expect(await watch.next()).toEqual({ done: true, value: undefined })
  expect(events.types.slice(-2)).toEqual(['failed', 'closed'])
  expect(clock.sleeping).toBe(0)
})

test('Reflector emits connected with the revision of the list, and not with that of the store', async () => {
  const { etcd, watch, events, clock } = watchFake()
  const revision = etcd.putList(a)
  etcd.bump(100n)
  await watch.next()
  await events.until('connected')
  etcd.bump(100n)
  etcd.cut()
  await clock.advance(2000)
  const newest = etcd.putList(a)
  etcd.cut()
  etcd.bump(100n)
  await clock.advance(2000)
  expect(events.of('connected').map((event) => event.revision)).toEqual([revision, revision, newest].map(String))
  expect(events.of('resolved')).toMatchObject([{ revision: String(revision) }])
  await watch.close()
})
