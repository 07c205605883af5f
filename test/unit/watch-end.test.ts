import { getEventListeners } from 'node:events'
import { describe, expect, test } from 'vitest'
import { Failure } from '../../src/sources/failure.ts'
import { idle } from '../support/clock.ts'
import { followFake, outcome, watchFake } from '../support/fake-watch.ts'

const a = '10.0.0.1:6443'
const b = '10.0.0.2:6443'

type Fixture = ReturnType<typeof watchFake>
type Enter = (fixture: Fixture) => unknown
const refused = new Failure('unreachable', 'refused')

/** The phases of a watch before its first list, and how a watch gets there. */
const phasesBeforeTheList: Record<string, Enter> = {
  'waits for the certificate files': ({ events }) => events.until('retry'),
  'gets no answer from etcd': ({ etcd }) => (etcd.silent = true),
  'waits for the next attempt': ({ etcd }) => (etcd.fault = refused),
  'waits for the key': () => {},
  'opens a watch of the key without an answer': ({ etcd }) => (etcd.watching = 'is silent'),
  'waits for the list to settle': ({ etcd }) => etcd.putList(a),
}
const phasesWithAList: Record<string, Enter> = {
  'follows the key': () => {},
  'delays a removal': ({ etcd }) => etcd.putList(a),
  'gets no answer to its periodic read': async ({ etcd, clock }) => {
    etcd.silent = true
    await clock.advance(75_000)
  },
  'waits to reconnect': ({ etcd }) => {
    etcd.fault = refused
    etcd.cut()
  },
  reconnects: async ({ etcd, clock }) => {
    etcd.silent = true
    etcd.cut()
    await clock.advance(1000)
  },
}

describe.each([
  ...Object.entries(phasesBeforeTheList).map(([phase, enter]) => ({ phase, enter, hasList: false })),
  ...Object.entries(phasesWithAList).map(([phase, enter]) => ({ phase, enter, hasList: true })),
])('a watch that $phase', ({ phase, enter, hasList }) => {
  /** Returns a watch in that phase, with a pending `next()`. */
  async function arrange() {
    const controller = new AbortController()
    const files = phase.includes('certificate') ? { endpoints: 'https://fake:2379', dataDir: '/nowhere' } : {}
    const fixture = watchFake({ settleMs: 1000, signal: controller.signal, ...files })
    if (hasList) {
      fixture.etcd.putList(a, b)
      const first = fixture.watch.next()
      await fixture.clock.advance(1000)
      await first
    }
    const next = outcome(fixture.watch.next())
    await enter(fixture)
    await fixture.clock.advance(100)
    expect(next.is).toBe('pending')
    fixture.events.clear()
    return { ...fixture, controller, next }
  }

  /** Expects no timer, stream or listener, although no time has passed. */
  function expectNothingLeft({ clock, etcd, controller }: Awaited<ReturnType<typeof arrange>>) {
    expect(clock.sleeping).toBe(0)
    expect(etcd.streams.size).toBe(0)
    expect(getEventListeners(controller.signal, 'abort')).toEqual([])
  }

  test.each<[string, (watch: Fixture['watch']) => unknown]>([
    ['close()', (watch) => watch.close()],
    ['return()', (watch) => watch.return()],
    ['the end of an await using scope', (watch) => watch[Symbol.asyncDispose]()],
    ['two calls of close()', (watch) => Promise.all([watch.close(), watch.close()])],
  ])(`a watch that ${phase} ends at once by %s, and so does its pending next()`, async (_, end) => {
    const fixture = await arrange()
    const ended = end(fixture.watch)
    await Promise.resolve()
    expect(fixture.next.is).toBe('done')
    await ended
    expectNothingLeft(fixture)
    expect(fixture.events.types).toEqual(hasList ? ['closed'] : ['failed', 'closed'])
    if (!hasList) expect(fixture.events.of('failed')[0]?.error).toMatchObject({ code: 'CLOSED' })
    expect(await fixture.watch.next()).toEqual({ done: true, value: undefined })
  })

  test(`a watch that ${phase} ends at once by an abort, and its pending next() rejects with signal.reason`, async () => {
    const fixture = await arrange()
    const reason = new Error('enough')
    fixture.controller.abort(reason)
    await idle()
    expect(fixture.next.is).toEqual({ error: reason })
    expectNothingLeft(fixture)
    expect(fixture.events.all).toEqual([{ type: 'aborted', reason }, { type: 'closed' }])
    expect(await fixture.watch.next()).toEqual({ done: true, value: undefined })
  })
})

test('watch ends when the reader breaks the loop', async () => {
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

test('watch ends when the reader throws, and the loop rejects with the error of the reader', async () => {
  const { etcd, watch, events } = watchFake()
  etcd.putList(a)
  const read = async () => {
    for await (const { addresses } of watch) throw new Error(`not ${addresses.join()}`)
  }
  await expect(read()).rejects.toThrow(`not ${a}`)
  expect(events.types.at(-1)).toBe('closed')
})

test('watch ends at the end of an await using scope', async () => {
  const { etcd, watch, events, clock } = watchFake()
  etcd.putList(a)
  {
    await using scoped = watch
    await scoped.next()
  }
  expect(events.types.at(-1)).toBe('closed')
  expect(clock.sleeping).toBe(0)
})

test('watch opens nothing and emits nothing when it is closed before the first next()', async () => {
  const { etcd, watch, events } = watchFake()
  await watch.close()
  expect(await watch.next()).toEqual({ done: true, value: undefined })
  expect(await watch.return()).toEqual({ done: true, value: undefined })
  expect([etcd.connections, events.all]).toEqual([0, []])
})

test('watch rejects the first next() with signal.reason when the signal was aborted before', async () => {
  const reason = new Error('before')
  const { etcd, watch, events } = watchFake({ signal: AbortSignal.abort(reason) })
  await expect(watch.next()).rejects.toBe(reason)
  expect([etcd.connections, events.types]).toEqual([0, ['aborted', 'closed']])
})

test('watch rejects one next() with signal.reason after an abort while no next() was pending', async () => {
  const controller = new AbortController()
  const { watch } = await followFake([a], { signal: controller.signal })
  controller.abort(new Error('while the reader worked'))
  await idle()
  await expect(watch.next()).rejects.toThrow('while the reader worked')
  expect(await watch.next()).toEqual({ done: true, value: undefined })
})

test('watch does not reject next() after an abort that was followed by close()', async () => {
  const controller = new AbortController()
  const { watch } = await followFake([a], { signal: controller.signal })
  controller.abort(new Error('while the reader worked'))
  await idle()
  await watch.close()
  expect(await watch.next()).toEqual({ done: true, value: undefined })
})

test('watch ends a pending next() without an error when an abort and close() come at the same time', async () => {
  const controller = new AbortController()
  const { watch, events } = await followFake([a], { signal: controller.signal })
  const next = watch.next()
  controller.abort(new Error('at the same time'))
  await watch.close()
  expect(await next).toEqual({ done: true, value: undefined })
  expect(await watch.next()).toEqual({ done: true, value: undefined })
  expect(events.types).toEqual(['aborted', 'closed'])
})

test('watch ends at once when a listener of resolved closes it', async () => {
  const { etcd, watch, events, clock } = watchFake()
  let closed: Promise<void> | undefined
  events.emitter.on('resolved', () => (closed = watch.close()))
  etcd.putList(a)
  expect(await watch.next()).toEqual({ done: true, value: undefined })
  await closed
  expect(events.types).toEqual(['attempt', 'resolved', 'closed'])
  expect([clock.sleeping, etcd.streams.size]).toEqual([0, 0])
})

test('watch has ended when close() resolves that a listener of the first event has called', async () => {
  const { watch, events } = watchFake()
  const typesAfterClose = new Promise((resolve) => {
    events.emitter.on('attempt', () => void watch.close().then(() => resolve(events.types)))
  })
  expect(await watch.next()).toEqual({ done: true, value: undefined })
  expect(await typesAfterClose).toEqual(['attempt', 'failed', 'closed'])
})
