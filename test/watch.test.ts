import { getEventListeners } from 'node:events'
import { describe, expect, test } from 'vitest'
import { watchApiserverAddresses } from '../src/index.ts'
import { Failure } from '../src/reasons.ts'
import { idle } from './support/clock.ts'
import { outcome, watchFake } from './support/watching.ts'
import type { Stored } from './support/fake-etcd.ts'

const a = '10.0.0.1:6443'
const b = '10.0.0.2:6443'
const c = '10.0.0.3:6443'

/** A watch that has given its first list, and by now follows the key. */
async function following(first: readonly string[], ...[options, random]: Parameters<typeof watchFake>) {
  const parts = watchFake(options, random)
  parts.etcd.putList(...first)
  await parts.watch.next()
  await idle()
  expect(parts.events.types).toEqual(['attempt', 'resolved', 'connected'])
  parts.events.clear()
  return parts
}

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
    const { etcd, watch } = await following([a], { shrinkDelayMs: 0 })
    for (let i = 0; i < 5000; i++) etcd.putList(`10.0.1.${i % 250}:6443`)
    etcd.putList(b)
    await idle()
    expect((await watch.next()).value).toMatchObject({ addresses: [b], added: [b], removed: [a], revision: '5003' })
    await watch.close()
  })

  test('is nothing new for a slow reader when it has become what it was', async () => {
    const { etcd, watch } = await following([a], { shrinkDelayMs: 0 })
    etcd.putList(a, b)
    etcd.putList(a)
    await idle()
    expect(outcome(watch.next())).toEqual({ is: 'pending' })
    await watch.close()
  })

  test('goes to one reader each, the oldest first', async () => {
    const { etcd, watch } = await following([a])
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
    const { etcd, watch, events, clock } = await following([a, b])
    const next = outcome(watch.next())
    etcd.putList(...list)
    await clock.advance(10_000)
    expect(next.is).toBe('pending')
    expect(events.types).toEqual([])
    await watch.close()
  })

  test('adds, removes and adds an address again while a server joins: it is added once', async () => {
    const { etcd, watch, events, clock } = await following([a])
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
    const { etcd, watch, events, clock } = await following([a, b])
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
    const { etcd, watch, clock } = await following([a])
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
    const { etcd, watch, events, clock } = await following([a])
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
    const { etcd, watch, events, clock } = await following([a, b])
    etcd.putList(a)
    etcd.put('')
    await clock.advance(3000)
    expect(events.types).toEqual(['held', 'ignored', 'changed'])
    expect((await watch.next()).value).toMatchObject({ addresses: [a], removed: [b] })
    await watch.close()
  })

  test('writes a list and blanks it before either could be looked at: the list counts', async () => {
    const { etcd, watch, clock } = await following([a], {}, () => 0)
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

describe('etcd', () => {
  test('is lost: the last list stays, and what was missed is there after reconnecting', async () => {
    const { etcd, watch, events, clock } = await following([a])
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
    const { etcd, watch, events, clock } = await following([a])
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
    const { etcd, watch, events, clock } = await following([a])
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
    const { etcd, watch, events, clock } = await following([a])
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
    const { etcd, watch, events, clock } = await following([a])
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
    const { etcd, watch, events, clock } = await following([a, b])
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
    const { etcd, watch, events, clock } = await following([a, b])
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
    const { etcd, watch, events, clock } = await following([a])
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
    const { etcd, watch, clock } = await following([a], {}, () => 0)
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
    const { etcd, watch, clock } = await following([a], {}, () => random)
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
    const { etcd, watch, events, clock } = await following([a], {}, () => 0)
    etcd.silent = true
    await clock.advance(65_000)
    expect(events.types).toEqual(['attempt', 'disconnected', 'phase', 'retry'])
    etcd.silent = false
    await idle()
    expect(events.types.slice(-3)).toEqual(['wake', 'attempt', 'connected'])
    await watch.close()
  })

  test('refuses the safety read: the stream it had opened is given up, and another is opened', async () => {
    const { etcd, watch, clock } = await following([a], {}, () => 0)
    etcd.fault = new Failure('no-leader', 'none')
    await clock.advance(60_000)
    expect(etcd.streams.size).toBe(0)
    etcd.fault = undefined
    await clock.advance(5000)
    expect(etcd.streams.size).toBe(1)
    await watch.close()
  })

  test('is lost twice for the same reason: told twice', async () => {
    const { etcd, watch, events, clock } = await following([a])
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
    const { etcd, watch, events, clock } = await following([a], { shrinkDelayMs: 0 }, () => 0)
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
    const { etcd, watch, events, clock } = await following([a])
    const { reads } = etcd
    events.emitter.on('connected', () => queueMicrotask(() => etcd.cut()))
    etcd.cut()
    await clock.advance(60_000)
    expect(etcd.reads - reads).toBeLessThan(60)
    expect(etcd.reads - reads).toBeGreaterThan(20)
    await watch.close()
  })

  test('is lost again after a healthy spell: the backoff begins anew', async () => {
    const { etcd, watch, events, clock } = await following([a], { retry: { jitter: 'none' } })
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
    const { etcd, watch, events, clock } = await following([a])
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
    const { etcd, watch, events, clock } = await following([a])
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
    const { etcd, watch, clock } = await following([a], { timeoutMs: 5000, retry: { maxAttempts: 1 } })
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

type Parts = ReturnType<typeof watchFake>
const refused = new Failure('unreachable', 'refused')

/** Where a watch can be when it is ended, and how it gets there. */
const before: Record<string, (parts: Parts) => unknown> = {
  'while it waits for the certificate files': ({ events }) => events.until('retry'),
  'while etcd says nothing': ({ etcd }) => (etcd.silent = true),
  'while it waits for the next attempt': ({ etcd }) => (etcd.fault = refused),
  'while the key is not set': () => {},
  'while etcd opens no watch': ({ etcd }) => (etcd.watching = 'is silent'),
  'while the list settles': ({ etcd }) => etcd.putList(a),
}
const after: Record<string, (parts: Parts) => unknown> = {
  'while it follows the key': () => {},
  'while an address is held': ({ etcd }) => etcd.putList(a),
  'while the safety read is not answered': async ({ etcd, clock }) => {
    etcd.silent = true
    await clock.advance(75_000)
  },
  'while it waits to reconnect': ({ etcd }) => {
    etcd.fault = refused
    etcd.cut()
  },
  'while it reconnects': async ({ etcd, clock }) => {
    etcd.silent = true
    etcd.cut()
    await clock.advance(1000)
  },
}

describe.each([
  ...Object.entries(before).map(([phase, bring]) => ({ phase, bring, listed: false })),
  ...Object.entries(after).map(([phase, bring]) => ({ phase, bring, listed: true })),
])('$phase', ({ phase, bring, listed }) => {
  /** A watch in that phase, with `next()` pending. */
  async function arrange() {
    const controller = new AbortController()
    const files = phase.includes('certificate') ? { endpoints: 'https://fake:2379', dataDir: '/nowhere' } : {}
    const options = { settleMs: 1000, signal: controller.signal, ...files }
    const parts = watchFake(options)
    if (listed) {
      parts.etcd.putList(a, b)
      const first = parts.watch.next()
      await parts.clock.advance(1000)
      await first
    }
    const pending = outcome(parts.watch.next())
    await bring(parts)
    await parts.clock.advance(100)
    expect(pending.is).toBe('pending')
    parts.events.clear()
    return { ...parts, controller, pending }
  }

  /** Nothing is left, and no time had to pass for that. */
  function expectNothing({ clock, etcd, controller }: Awaited<ReturnType<typeof arrange>>) {
    expect(clock.sleeping).toBe(0)
    expect(etcd.streams.size).toBe(0)
    expect(getEventListeners(controller.signal, 'abort')).toEqual([])
  }

  test.each<[string, (watch: Parts['watch']) => unknown]>([
    ['close()', (watch) => watch.close()],
    ['return()', (watch) => watch.return()],
    ['the end of an await using scope', (watch) => watch[Symbol.asyncDispose]()],
    ['close() by two callers', (watch) => Promise.all([watch.close(), watch.close()])],
  ])('%s ends it at once, and next() with it', async (_, end) => {
    const parts = await arrange()
    const ended = end(parts.watch)
    await Promise.resolve()
    expect(parts.pending.is).toBe('done')
    await ended
    expectNothing(parts)
    expect(parts.events.types).toEqual(listed ? ['closed'] : ['failed', 'closed'])
    if (!listed) expect(parts.events.of('failed')[0]?.error).toMatchObject({ code: 'CLOSED' })
    expect(await parts.watch.next()).toEqual({ done: true, value: undefined })
  })

  test('an abort ends it at once, and next() with its reason', async () => {
    const parts = await arrange()
    const reason = new Error('enough')
    parts.controller.abort(reason)
    await idle()
    expect(parts.pending.is).toEqual({ error: reason })
    expectNothing(parts)
    expect(parts.events.all).toEqual([{ type: 'aborted', reason }, { type: 'closed' }])
    expect(await parts.watch.next()).toEqual({ done: true, value: undefined })
  })
})

describe('the end', () => {
  test('comes with break', async () => {
    const { etcd, watch, clock, events } = watchFake()
    etcd.putList(a)
    for await (const { addresses } of watch) {
      expect(addresses).toEqual([a])
      break
    }
    expect(clock.sleeping).toBe(0)
    expect(events.types.at(-1)).toBe('closed')
    expect(await watch.next()).toEqual({ done: true, value: undefined })
  })

  test('comes with an error thrown by the reader, which stays the error', async () => {
    const { etcd, watch, events } = watchFake()
    etcd.putList(a)
    const read = async () => {
      for await (const { addresses } of watch) throw new Error(`not ${addresses.join()}`)
    }
    await expect(read()).rejects.toThrow(`not ${a}`)
    expect(events.types.at(-1)).toBe('closed')
  })

  test('comes with the end of an await using scope', async () => {
    const { etcd, watch, events, clock } = watchFake()
    etcd.putList(a)
    {
      await using scoped = watch
      await scoped.next()
    }
    expect(events.types.at(-1)).toBe('closed')
    expect(clock.sleeping).toBe(0)
  })

  test('comes before the beginning: nothing was begun, and nothing is told', async () => {
    const { etcd, watch, events } = watchFake()
    await watch.close()
    expect(await watch.next()).toEqual({ done: true, value: undefined })
    expect(await watch.return()).toEqual({ done: true, value: undefined })
    expect([etcd.connections, events.all]).toEqual([0, []])
  })

  test('has come already, by a signal that was aborted before: next() rejects with its reason', async () => {
    const reason = new Error('before')
    const { etcd, watch, events } = watchFake({ signal: AbortSignal.abort(reason) })
    await expect(watch.next()).rejects.toBe(reason)
    expect([etcd.connections, events.types]).toEqual([0, ['aborted', 'closed']])
  })

  test('by an abort that nobody was waiting for is told by the next next(), once', async () => {
    const controller = new AbortController()
    const { watch } = await following([a], { signal: controller.signal })
    controller.abort(new Error('while the reader worked'))
    await idle()
    await expect(watch.next()).rejects.toThrow('while the reader worked')
    expect(await watch.next()).toEqual({ done: true, value: undefined })
  })

  test('by an abort is not told any more after close()', async () => {
    const controller = new AbortController()
    const { watch } = await following([a], { signal: controller.signal })
    controller.abort(new Error('while the reader worked'))
    await idle()
    await watch.close()
    expect(await watch.next()).toEqual({ done: true, value: undefined })
  })

  test('by an abort and close() in one is the end, and no error', async () => {
    const controller = new AbortController()
    const { watch, events } = await following([a], { signal: controller.signal })
    const next = watch.next()
    controller.abort(new Error('and so on'))
    await watch.close()
    expect(await next).toEqual({ done: true, value: undefined })
    expect(await watch.next()).toEqual({ done: true, value: undefined })
    expect(events.types).toEqual(['aborted', 'closed'])
  })

  test('by a listener, in the middle of an event, is as good as any', async () => {
    const { etcd, watch, events, clock } = watchFake()
    let closed: Promise<void> | undefined
    events.emitter.on('resolved', () => (closed = watch.close()))
    etcd.putList(a)
    expect(await watch.next()).toEqual({ done: true, value: undefined })
    await closed
    expect(events.types).toEqual(['attempt', 'resolved', 'closed'])
    expect([clock.sleeping, etcd.streams.size]).toEqual([0, 0])
  })
})

test('nothing is opened before the first next()', async () => {
  const { etcd, watch, clock, events } = watchFake()
  await clock.advance(60_000)
  expect([etcd.connections, clock.sleeping, events.all]).toEqual([0, 0, []])
  await watch.close()
})

test('every event is one frozen object, and a listener that throws changes nothing', async () => {
  const thrown: unknown[] = []
  const keep = (error: unknown) => void thrown.push(error)
  const others = process.listeners('uncaughtException')
  process.removeAllListeners('uncaughtException').on('uncaughtException', keep)
  try {
    const { etcd, watch, events, clock } = watchFake()
    for (const type of ['attempt', 'resolved', 'connected', 'held', 'changed', 'ignored', 'closed'] as const)
      events.emitter.on(type, () => {
        throw new Error(type)
      })
    etcd.putList(a)
    await watch.next()
    await idle()
    etcd.putList(b)
    etcd.del()
    await clock.advance(3000)
    expect((await watch.next()).value).toMatchObject({ addresses: [b] })
    await watch.close()
    await idle()
    const told = ['attempt', 'resolved', 'connected', 'changed', 'held', 'ignored', 'changed', 'closed']
    expect(events.types).toEqual(told)
    expect(events.all.every(Object.isFrozen)).toBe(true)
    expect(thrown.map((error) => (error as Error).message)).toEqual(told)
  } finally {
    process.removeAllListeners('uncaughtException')
    for (const listener of others) process.on('uncaughtException', listener)
  }
})

test.each([
  [{ shrinkDelayMs: -1 }, 'Option "shrinkDelayMs" must be a number of milliseconds, 0 or more, got -1'],
  [{ shrinkDelay: 1 }, 'Unknown option "shrinkDelay"'],
])('nonsense in the options is a TypeError at once: %j', (options, message) => {
  expect(() => watchApiserverAddresses(options as object)).toThrow(new TypeError(message))
})
