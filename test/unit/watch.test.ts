import { expect, test } from 'vitest'
import { watchApiserverAddresses } from '../../src/index.ts'
import { Failure } from '../../src/sources/failure.ts'
import { idle } from '../support/clock.ts'
import { followFake, outcome, watchFake } from '../support/fake-watch.ts'
import { collectUncaught } from '../support/uncaught.ts'

const a = '10.0.0.1:6443'
const b = '10.0.0.2:6443'
const c = '10.0.0.3:6443'

test('watch yields the current list, then every change', async () => {
  const { etcd, watch } = watchFake({ shrinkDelayMs: 0 })
  etcd.putList(b, a)
  expect(await watch.next()).toEqual({
    done: false,
    value: {
      addresses: [a, b],
      urls: [`https://${a}`, `https://${b}`],
      source: 'etcd',
      revision: '2',
      added: [a, b],
      removed: [],
    },
  })
  const next = watch.next()
  etcd.putList(b, c)
  expect((await next).value).toEqual({
    addresses: [b, c],
    urls: [`https://${b}`, `https://${c}`],
    source: 'etcd',
    revision: '3',
    added: [c],
    removed: [a],
  })
  await watch.close()
})

test('watch yields deeply frozen values', async () => {
  const { etcd, watch } = watchFake()
  etcd.putList(a)
  const { value } = await watch.next()
  expect([value, ...Object.values(value ?? {})].every(Object.isFrozen)).toBe(true)
  await watch.close()
})

test('watch yields the latest list to a slow reader', async () => {
  const { etcd, watch } = await followFake([a], { shrinkDelayMs: 0 })
  for (let i = 0; i < 5000; i++) etcd.putList(`10.0.1.${i % 250}:6443`)
  etcd.putList(b)
  await idle()
  expect((await watch.next()).value).toMatchObject({ addresses: [b], added: [b], removed: [a], revision: '5003' })
  await watch.close()
})

test('watch yields nothing to a slow reader when the list is again the one yielded before', async () => {
  const { etcd, watch } = await followFake([a], { shrinkDelayMs: 0 })
  etcd.putList(a, b)
  etcd.putList(a)
  await idle()
  expect(outcome(watch.next())).toEqual({ is: 'pending' })
  await watch.close()
})

test('watch yields each change to one next(), the oldest call first', async () => {
  const { etcd, watch } = await followFake([a])
  const [first, second] = [outcome(watch.next()), outcome(watch.next())]
  etcd.putList(a, b)
  await idle()
  expect([first.is, second.is]).toEqual([expect.objectContaining({ added: [b] }), 'pending'])
  etcd.putList(a, b, c)
  await idle()
  expect(second.is).toMatchObject({ added: [c] })
  await watch.close()
})

test('watch follows the key over the stream that has pushed the first list', async () => {
  const { etcd, watch, events, clock } = watchFake()
  const next = outcome(watch.next())
  await clock.advance(10_000)
  etcd.putList(a)
  await idle()
  expect(next.is).toMatchObject({ addresses: [a] })
  expect(events.types).toEqual(['attempt', 'phase', 'retry', 'wake', 'resolved', 'connected'])
  expect([etcd.reads, etcd.watches, etcd.connections]).toEqual([1, 1, 1])
  await watch.close()
})

test('watch applies minAddresses, expect and settleMs to the first list only', async () => {
  const { etcd, watch, clock } = watchFake({ minAddresses: 2, expect: [a], settleMs: 1000, shrinkDelayMs: 0 })
  const next = outcome(watch.next())
  etcd.putList(b, c)
  await clock.advance(5000)
  etcd.putList(a, c)
  await clock.advance(999)
  expect(next.is).toBe('pending')
  await clock.advance(1)
  expect(next.is).toMatchObject({ addresses: [a, c] })
  etcd.putList(b)
  await idle()
  expect((await watch.next()).value).toMatchObject({ addresses: [b] })
  await watch.close()
})

test.each([
  ['timeoutMs', { timeoutMs: 5000 }, 'DEADLINE_EXCEEDED'],
  ['maxAttempts', { retry: { maxAttempts: 3 } }, 'ATTEMPTS_EXHAUSTED'],
])('watch rejects next() when %s is reached before the first list', async (_, options, code) => {
  const { watch, events, clock } = watchFake(options)
  const next = outcome(watch.next())
  await clock.advance(10_000)
  expect(next.is).toEqual({ error: expect.objectContaining({ code, reason: 'not-set' }) })
  expect(events.types.slice(-2)).toEqual(['failed', 'closed'])
  expect(clock.sleeping).toBe(0)
})

test('watch is not ended by timeoutMs or maxAttempts after the first list', async () => {
  const { etcd, watch, clock } = await followFake([a], { timeoutMs: 5000, retry: { maxAttempts: 1 } })
  etcd.fault = new Failure('unreachable', 'refused')
  etcd.cut()
  const next = outcome(watch.next())
  await clock.advance(3_600_000)
  expect(next.is).toBe('pending')
  await watch.close()
})

test('watch rejects next() with REJECTED for an invalid value before the first list', async () => {
  const { etcd, watch } = watchFake()
  etcd.put('not JSON')
  await expect(watch.next()).rejects.toMatchObject({ code: 'REJECTED', reason: 'invalid-value' })
})

test('watch opens nothing before the first next()', async () => {
  const { etcd, watch, clock, events } = watchFake()
  await clock.advance(60_000)
  expect([etcd.connections, clock.sleeping, events.all]).toEqual([0, 0, []])
  await watch.close()
})

test.each([
  [{ shrinkDelayMs: -1 }, 'Option "shrinkDelayMs" must be a number of milliseconds, 0 or more, got -1'],
  [{ shrinkDelay: 1 }, 'Unknown option "shrinkDelay"'],
])('watchApiserverAddresses throws a TypeError at once for the options %j', (options, message) => {
  expect(() => watchApiserverAddresses(options as object)).toThrow(new TypeError(message))
})

test('watch emits frozen events, and goes on when a listener throws', async () => {
  const uncaught = collectUncaught()
  const { etcd, watch, events, clock } = watchFake()
  for (const type of ['attempt', 'resolved', 'connected', 'held', 'changed', 'ignored', 'closed'] as const) {
    events.emitter.on(type, () => {
      throw new Error(type)
    })
  }
  etcd.putList(a)
  await watch.next()
  await idle()
  etcd.putList(b)
  etcd.del()
  await clock.advance(3000)
  expect((await watch.next()).value).toMatchObject({ addresses: [b] })
  await watch.close()
  await idle()
  const expected = ['attempt', 'resolved', 'connected', 'changed', 'held', 'ignored', 'attempt', 'changed', 'closed']
  expect(events.types).toEqual(expected)
  expect(events.all.every(Object.isFrozen)).toBe(true)
  expect(uncaught.map((error) => (error as Error).message)).toEqual(expected)
})

test('watch rejects from next, and close resolves, when the signal takes no listener', async () => {
  const error = new Error('no listeners here')
  const signal = Object.assign(new AbortController().signal, {
    addEventListener: () => {
      throw error
    },
  })
  const watch = watchApiserverAddresses({ signal, endpoints: 'http://127.0.0.1:1' })
  await expect(watch.next()).rejects.toBe(error)
  expect(await watch.next()).toEqual({ done: true, value: undefined })
  await expect(watch.close()).resolves.toBeUndefined()
})
