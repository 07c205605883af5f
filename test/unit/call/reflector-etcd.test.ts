import { describe, expect, test } from 'vitest'
import { Failure } from '../../../src/sources/failure.ts'
import { idle } from '../../support/clock.ts'
import { followFake, outcome, watchFake } from '../../support/watching.ts'

const a = '10.0.0.1:6443'
const b = '10.0.0.2:6443'
const c = '10.0.0.3:6443'

describe('etcd', () => {
  test('is lost: the last list stays, and what was missed is there after reconnecting', async () => {
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

  test('compacts what the watch was to begin with: read again, and followed from there', async () => {
    const { etcd, watch, events, clock } = await followFake([a])
    const next = outcome(watch.next())
    etcd.latencyMs = 100
    etcd.cut()
    await clock.advance(150) // the read took its answer
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

  test('starts again from an older snapshot: told, and followed', async () => {
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

  test('starts again from an older snapshot, and has passed the revisions that were seen', async () => {
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

  test('starts again from an older snapshot that has the same list: told once', async () => {
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

  test('starts again from a snapshot without the key: the last list stays', async () => {
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

  test('is lost while an address is held: it stays until etcd is back and says so', async () => {
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

  test('is lost while an address is held, which has come back when etcd has', async () => {
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

  test('gives reads and no watch: the backoff sees every change', async () => {
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

  test('says nothing on a stream that stands: a change is found by the safety read', async () => {
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
  ])('is asked again after a minute and up to half of one, by chance (%d)', async (random, ms) => {
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
  })

  test('does not answer the safety read: reconnected as soon as it does', async () => {
    const { etcd, watch, events, clock } = await followFake([a], {}, () => 0)
    etcd.silent = true
    await clock.advance(65_000)
    expect(events.types).toEqual(['attempt', 'disconnected', 'phase', 'retry'])
    etcd.silent = false
    await idle()
    expect(events.types.slice(-3)).toEqual(['wake', 'attempt', 'connected'])
    await watch.close()
  })

  test('refuses the safety read: the stream it had opened is given up, and another is opened', async () => {
    const { etcd, watch, clock } = await followFake([a], {}, () => 0)
    etcd.fault = new Failure('no-leader', 'none')
    await clock.advance(60_000)
    expect(etcd.streams.size).toBe(0)
    etcd.fault = undefined
    await clock.advance(5000)
    expect(etcd.streams.size).toBe(1)
    await watch.close()
  })

  test('is lost twice for the same reason: told twice', async () => {
    const { etcd, watch, events, clock } = await followFake([a])
    for (let i = 0; i < 2; i++) {
      etcd.cut()
      await clock.advance(5000)
    }
    expect(events.of('phase')).toMatchObject([
      { reason: 'unreachable', previous: undefined },
      { reason: 'unreachable', previous: undefined },
    ])
    await watch.close()
  })

  test('brings on the stream what a read has overtaken: not told', async () => {
    const { etcd, watch, events, clock } = await followFake([a], { shrinkDelayMs: 0 }, () => 0)
    etcd.latencyMs = 1000
    await clock.advance(59_900)
    etcd.putList(b) // on its way for half a second, while the read at 60 s sees the next one
    etcd.del()
    etcd.putList(c)
    etcd.latencyMs = 0
    await clock.advance(3000)
    expect(events.of('changed').map(({ addresses }) => addresses)).toEqual([[c]])
    expect(events.of('ignored')).toEqual([])
    await watch.close()
  })

  test('ends every stream at once: no storm of reconnects', async () => {
    const { etcd, watch, events, clock } = await followFake([a])
    const { reads } = etcd
    events.emitter.on('connected', () => queueMicrotask(() => etcd.cut()))
    etcd.cut()
    await clock.advance(60_000)
    expect(etcd.reads - reads).toBeLessThan(60)
    expect(etcd.reads - reads).toBeGreaterThan(20)
    await watch.close()
  })

  test('is lost again after a healthy spell: the backoff begins anew', async () => {
    const { etcd, watch, events, clock } = await followFake([a], { retry: { jitter: 'none' } })
    const delays = async (spellMs: number) => {
      events.clear()
      etcd.cut()
      await clock.advance(spellMs)
      return events.of('retry').map(({ delayMs }) => delayMs)
    }
    expect(await delays(5000)).toEqual([250])
    expect(await delays(5000)).toEqual([500])
    expect(await delays(40_000)).toEqual([1000])
    expect(await delays(5000)).toEqual([250])
    await watch.close()
  })

  test('sends a value too large to be received: ignored, and followed again when it is gone', async () => {
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

  test('no longer lets us read: next() rejects once, and the watch is over', async () => {
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
})
