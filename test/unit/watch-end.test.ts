import { getEventListeners } from 'node:events'
import { describe, expect, test } from 'vitest'
import { Failure } from '../../src/sources/failure.ts'
import { idle } from '../support/clock.ts'
import { collectUncaught } from '../support/uncaught.ts'
import { followFake, outcome, watchFake } from '../support/watching.ts'

const a = '10.0.0.1:6443'
const b = '10.0.0.2:6443'

type CallContext = ReturnType<typeof watchFake>
const refused = new Failure('unreachable', 'refused')

/** Where a watch can be when it is ended, and how it gets there. */
const before: Record<string, (parts: CallContext) => unknown> = {
  'while it waits for the certificate files': ({ events }) => events.until('retry'),
  'while etcd says nothing': ({ etcd }) => (etcd.silent = true),
  'while it waits for the next attempt': ({ etcd }) => (etcd.fault = refused),
  'while the key is not set': () => {},
  'while etcd opens no watch': ({ etcd }) => (etcd.watching = 'is silent'),
  'while the list settles': ({ etcd }) => etcd.putList(a),
}
const after: Record<string, (parts: CallContext) => unknown> = {
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

  test.each<[string, (watch: CallContext['watch']) => unknown]>([
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
    const { watch } = await followFake([a], { signal: controller.signal })
    controller.abort(new Error('while the reader worked'))
    await idle()
    await expect(watch.next()).rejects.toThrow('while the reader worked')
    expect(await watch.next()).toEqual({ done: true, value: undefined })
  })

  test('by an abort is not told any more after close()', async () => {
    const controller = new AbortController()
    const { watch } = await followFake([a], { signal: controller.signal })
    controller.abort(new Error('while the reader worked'))
    await idle()
    await watch.close()
    expect(await watch.next()).toEqual({ done: true, value: undefined })
  })

  test('by an abort and close() in one is the end, and no error', async () => {
    const controller = new AbortController()
    const { watch, events } = await followFake([a], { signal: controller.signal })
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

  test('by a listener of the very first event has come when close() says so', async () => {
    const { watch, events } = watchFake()
    const told = new Promise((resolve) => {
      events.emitter.on('attempt', () => void watch.close().then(() => resolve(events.types)))
    })
    expect(await watch.next()).toEqual({ done: true, value: undefined })
    expect(await told).toEqual(['attempt', 'failed', 'closed'])
  })
})

test('every event is one frozen object, and a listener that throws changes nothing', async () => {
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
  const told = ['attempt', 'resolved', 'connected', 'changed', 'held', 'ignored', 'changed', 'closed']
  expect(events.types).toEqual(told)
  expect(events.all.every(Object.isFrozen)).toBe(true)
  expect(uncaught.map((error) => (error as Error).message)).toEqual(told)
})
