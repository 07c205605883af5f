import { describe, expect, test } from 'vitest'
import { watchApiserverAddresses } from '../../src/index.ts'
import { Failure } from '../../src/sources/failure.ts'
import { idle } from '../support/clock.ts'
import type { Stored } from '../support/fake-etcd.ts'
import { followFake, outcome, watchFake } from '../support/watching.ts'

const a = '10.0.0.1:6443'
const b = '10.0.0.2:6443'
const c = '10.0.0.3:6443'

describe('the state', () => {
  test('is the list that is there, then every change', async () => {
    const { etcd, watch } = watchFake({ shrinkDelayMs: 0 })
    etcd.putList(b, a)
    expect(await watch.next()).toEqual({
      done: false,
      value: { addresses: [a, b], urls: [`https://${a}`, `https://${b}`], revision: '2', added: [a, b], removed: [] },
    })
    const next = watch.next()
    etcd.putList(b, c)
    expect((await next).value).toEqual({
      addresses: [b, c],
      urls: [`https://${b}`, `https://${c}`],
      revision: '3',
      added: [c],
      removed: [a],
    })
    await watch.close()
  })

  test('cannot be changed by a reader', async () => {
    const { etcd, watch } = watchFake()
    etcd.putList(a)
    const { value } = await watch.next()
    expect([value, ...Object.values(value ?? {})].every(Object.isFrozen)).toBe(true)
    await watch.close()
  })

  test('is the latest for a slow reader', async () => {
    const { etcd, watch } = await followFake([a], { shrinkDelayMs: 0 })
    for (let i = 0; i < 5000; i++) etcd.putList(`10.0.1.${i % 250}:6443`)
    etcd.putList(b)
    await idle()
    expect((await watch.next()).value).toMatchObject({ addresses: [b], added: [b], removed: [a], revision: '5003' })
    await watch.close()
  })

  test('is nothing new for a slow reader when it has become what it was', async () => {
    const { etcd, watch } = await followFake([a], { shrinkDelayMs: 0 })
    etcd.putList(a, b)
    etcd.putList(a)
    await idle()
    expect(outcome(watch.next())).toEqual({ is: 'pending' })
    await watch.close()
  })

  test('goes to one reader each, the oldest first', async () => {
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
})

describe("RKE2's writer", () => {
  test.each([
    ['the same value', [a, b]],
    ['another order', [b, a]],
    ['a duplicate', [a, b, a]],
  ])('writes %s: no change', async (_, list) => {
    const { etcd, watch, events, clock } = await followFake([a, b])
    const next = outcome(watch.next())
    etcd.putList(...list)
    await clock.advance(10_000)
    expect(next.is).toBe('pending')
    expect(events.types).toEqual([])
    await watch.close()
  })

  test('adds, removes and adds an address again while a server joins: it is added once', async () => {
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

  test('removes an address: held for the delay, then removed', async () => {
    const { etcd, watch, events, clock } = await followFake([a, b])
    const next = outcome(watch.next())
    etcd.putList(a)
    await clock.advance(1000)
    etcd.putList(a)
    await clock.advance(1999)
    expect(events.all).toEqual([{ type: 'held', missing: [b], untilMs: 3000 }])
    await clock.advance(1)
    expect(next.is).toMatchObject({ addresses: [a], removed: [b], revision: '4' })
    expect(events.types).toEqual(['held', 'changed'])
    await watch.close()
  })

  test('replaces one address by another: growth at once, shrink later', async () => {
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
    ['no JSON', 'rubbish', 'invalid-value'],
    ['something else than addresses', '["a"]', 'invalid-value'],
    ['bytes that are no text', Uint8Array.of(0xff), 'invalid-value'],
    ['nothing, but deletes the key', undefined, 'not-set'],
  ])('writes %s: the last list stays, and this is told once', async (_, value, reason) => {
    const { etcd, watch, events, clock } = await followFake([a])
    const next = outcome(watch.next())
    const revision = String(etcd.put(value))
    await clock.advance(100_000)
    etcd.bump()
    await clock.advance(100_000) // by now, it was read again
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

  test('writes an empty value while an address is held: that address is removed all the same', async () => {
    const { etcd, watch, events, clock } = await followFake([a, b])
    etcd.putList(a)
    etcd.put('')
    await clock.advance(3000)
    expect(events.types).toEqual(['held', 'ignored', 'changed'])
    expect((await watch.next()).value).toMatchObject({ addresses: [a], removed: [b] })
    await watch.close()
  })

  test('writes a list and blanks it before either could be looked at: the list counts', async () => {
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
})

describe('the first list', () => {
  test('comes by the stream that follows it', async () => {
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

  test('is bound by minAddresses, expect and settleMs; later ones are not', async () => {
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
  ])('is bound by %s', async (_, options, code) => {
    const { watch, events, clock } = watchFake(options)
    const next = outcome(watch.next())
    await clock.advance(10_000)
    expect(next.is).toEqual({ error: expect.objectContaining({ code, reason: 'not-set' }) })
    expect(events.types.slice(-2)).toEqual(['failed', 'closed'])
    expect(clock.sleeping).toBe(0)
  })

  test('is there: neither timeoutMs nor maxAttempts ends the watch', async () => {
    const { etcd, watch, clock } = await followFake([a], { timeoutMs: 5000, retry: { maxAttempts: 1 } })
    etcd.fault = new Failure('unreachable', 'refused')
    etcd.cut()
    const next = outcome(watch.next())
    await clock.advance(3_600_000)
    expect(next.is).toBe('pending')
    await watch.close()
  })

  test('cannot be told from an invalid value: that ends the watch, as there is no list that could stay', async () => {
    const { etcd, watch } = watchFake()
    etcd.put('rubbish')
    await expect(watch.next()).rejects.toMatchObject({ code: 'REJECTED', reason: 'invalid-value' })
  })
})

test('nothing is opened before the first next()', async () => {
  const { etcd, watch, clock, events } = watchFake()
  await clock.advance(60_000)
  expect([etcd.connections, clock.sleeping, events.all]).toEqual([0, 0, []])
  await watch.close()
})

test.each([
  [{ shrinkDelayMs: -1 }, 'Option "shrinkDelayMs" must be a number of milliseconds, 0 or more, got -1'],
  [{ shrinkDelay: 1 }, 'Unknown option "shrinkDelay"'],
])('nonsense in the options is a TypeError at once: %j', (options, message) => {
  expect(() => watchApiserverAddresses(options as object)).toThrow(new TypeError(message))
})
