import { EventEmitter } from 'node:events'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseOptions } from '../../src/call/config.ts'
import { ApiserverAddressError } from '../../src/errors.ts'
import type { ResolveOptions } from '../../src/index.ts'
import { resolve } from '../../src/resolve.ts'
import { Failure } from '../../src/sources/failure.ts'
import { idle, VirtualClock } from '../support/clock.ts'
import { Recorder } from '../support/recorder.ts'
import { FakeSource } from '../support/source.ts'

/** A call on a key that the test writes, in time that the test lets pass. */
function start(options: ResolveOptions = {}, prepare: (source: FakeSource) => void = () => {}, random?: () => number) {
  const clock = new VirtualClock(random)
  const source = new FakeSource()
  prepare(source)
  const events = new Recorder()
  const call = resolve(parseOptions({ ...options, events: events.emitter }, 'resolve'), clock, source.asSource())
  call.catch(() => {})
  return { clock, source, events, call }
}

describe('the list is there', () => {
  test('one read is enough', async () => {
    const { source, clock, call, events } = start({}, (before) => before.write('["b:1","a:1"]'))
    expect(await call).toEqual({
      addresses: ['a:1', 'b:1'],
      urls: ['https://a:1', 'https://b:1'],
      revision: '1',
      attempts: 1,
      elapsedMs: 0,
    })
    expect(events.types).toEqual(['attempt', 'resolved'])
    expect(clock.sleeping).toBe(0)
    await idle()
    expect(source.closed).toBe(true)
  })
})

describe('the list is not there yet', () => {
  test('the write that sets it ends the wait at once, without another read', async () => {
    const { source, clock, call, events } = start()
    await clock.advance(10_000)
    source.write('["a:1"]')
    expect(await call).toMatchObject({ addresses: ['a:1'], attempts: 1, elapsedMs: 10_000 })
    expect(events.types).toEqual(['attempt', 'phase', 'retry', 'wake', 'resolved'])
    await idle()
    expect(source.watching).toBe(0)
  })

  test('a write during a read that did not see it is not lost', async () => {
    const { source, clock, call } = start()
    await clock.advance(1000)
    source.hold()
    await clock.advance(90_000)
    source.write('["a:1"]')
    source.release({ value: undefined, modRevision: 0n, createRevision: 0n, version: 0n, revision: 0n })
    expect(await call).toMatchObject({ addresses: ['a:1'], attempts: 2 })
  })

  test('a change that a later read has seen already does not take the list back', async () => {
    const { source, clock, call } = start({ minAddresses: 2 })
    await clock.advance(1000)
    source.hold()
    await clock.advance(90_000)
    source.write('["a:1","b:1"]')
    source.write('["a:1"]')
    source.release(source.reading())
    await idle()
    source.write('["a:1","c:1"]')
    expect(await call).toMatchObject({ addresses: ['a:1', 'c:1'] })
  })

  test('while a watch stands, the key is read again only after a minute or more', async () => {
    const { source, clock, events } = start()
    await clock.advance(59_999)
    expect(source.reads).toBe(1)
    await clock.advance(30_001)
    expect(source.reads).toBe(2)
    expect(events.of('retry')[0]?.delayMs).toBe(75_000)
    await clock.advance(10 * 60_000)
    expect(source.reads).toBeLessThanOrEqual(12)
    expect(source.watches).toBe(1)
  })

  test('where no watch can be had, the backoff gets there all the same', async () => {
    const { source, clock, call, events } = start({}, (before) => (before.refuseWatches = true))
    await clock.advance(20_000)
    expect(
      events
        .of('retry')
        .map(({ delayMs }) => delayMs)
        .slice(0, 5),
    ).toEqual([188, 375, 750, 1425, 1425])
    source.write('["a:1"]')
    await clock.advance(2000)
    expect(await call).toMatchObject({ addresses: ['a:1'] })
  })

  test('a watch that is cut counts for nothing: the key is read again after the backoff', async () => {
    const { source, clock, call } = start()
    await clock.advance(10_000)
    source.write('["a:1"]', { silently: true })
    source.cut()
    await clock.advance(249)
    expect(await call).toMatchObject({ addresses: ['a:1'], attempts: 2 })
  })

  test('attempts that are counted are made, on the schedule of the backoff', async () => {
    const { clock, call, source } = start({ retry: { maxAttempts: 3, jitter: 'none' } })
    await clock.advance(250 + 500)
    await expect(call).rejects.toMatchObject({
      code: 'ATTEMPTS_EXHAUSTED',
      reason: 'not-set',
      attempts: 3,
      elapsedMs: 750,
    })
    expect(source.reads).toBe(3)
  })

  test('a look at what the watch has brought is not counted as an attempt', async () => {
    const { source, clock, call } = start({
      minAddresses: 2,
      retry: { maxAttempts: 2, initialDelayMs: 5000, maxDelayMs: 5000 },
    })
    await clock.advance(1)
    for (const value of ['', '[]', '["a:1"]', '', '["a:1","b:1"]']) {
      source.write(value)
      await idle()
    }
    expect(await call).toMatchObject({ addresses: ['a:1', 'b:1'], attempts: 1 })
  })
})

describe('the list is not complete yet', () => {
  test('every step is told, and the last one ends the call', async () => {
    const { source, clock, call, events } = start({ minAddresses: 3 })
    await clock.advance(1)
    for (const value of ['', '[]', '["a:1"]', '["a:1","b:1"]', '["a:1"]', '["a:1","b:1","c:1"]']) {
      source.write(value)
      await idle()
    }
    expect(await call).toMatchObject({ addresses: ['a:1', 'b:1', 'c:1'] })
    expect(events.of('retry').map(({ error }) => error.message.replace(/^.*?: /, ''))).toEqual([
      'the key does not exist yet',
      'the key exists, and its value is empty',
      'the key exists, and its list is empty',
      'the list has 1 of at least 3 addresses: a:1',
      'the list has 2 of at least 3 addresses: a:1, b:1',
      'the list has 1 of at least 3 addresses: a:1',
    ])
    expect(events.of('phase').map(({ previous, reason }) => [previous, reason])).toEqual([
      [undefined, 'not-set'],
      ['not-set', 'incomplete'],
    ])
  })

  test('it resolves when it has settled, and not before', async () => {
    const { source, clock, call } = start({ settleMs: 3000 }, (before) => before.write('["a:1"]'))
    await clock.advance(2000)
    source.write('["a:1","b:1"]')
    await clock.advance(2999)
    source.write('["a:1","b:1"]')
    expect(source.reads).toBe(1)
    await clock.advance(1)
    expect(await call).toMatchObject({ addresses: ['a:1', 'b:1'], elapsedMs: 5000, attempts: 2 })
  })

  test('a fraction of a millisecond is not cut off: too early, there would be one more read for nothing', async () => {
    const { source, clock, events } = start({ settleMs: 3000 }, (before) => before.write('["a:1"]'))
    await clock.advance(1000.7)
    source.write('["a:1"]')
    await idle()
    expect(events.of('retry').map(({ delayMs }) => delayMs)).toEqual([3000, 2000])

    const other = start({ timeoutMs: 100.4, retry: { jitter: 'none' } }, (before) => (before.refuseWatches = true))
    await idle()
    expect(other.events.of('retry')[0]).toMatchObject({ delayMs: 101, remainingMs: 101 })
  })

  test('a list that never settles is waited for until the deadline, which says so', async () => {
    const { source, clock, call } = start({ settleMs: 3000, timeoutMs: 60_000, expect: ['b'] })
    while (clock.now() < 60_000) {
      source.write(clock.now() % 2000 === 0 ? '["a:1","b:1"]' : '["b:1"]')
      await clock.advance(1000)
    }
    await expect(call).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
      reason: 'incomplete',
      elapsedMs: 60_000,
      message: expect.stringMatching(/: the list is complete and must stay the same for 3 s: b:1$/),
    })
  })

  test('what of expect is not there yet is named by every event and by the error', async () => {
    const { source, clock, call, events } = start({ expect: ['b', 'c:1'], timeoutMs: 1000 })
    while (events.of('retry').length === 0) await idle()
    source.write('["a:1"]')
    await idle()
    source.write('["a:1","b:1"]')
    await clock.advance(1000)
    await expect(call).rejects.toThrow(/: the list lacks c:1: a:1, b:1$/)
    expect(events.of('phase').at(-1)?.missing).toEqual(['b', 'c:1'])
    expect(events.of('retry').map(({ missing }) => missing)).toEqual([undefined, ['b', 'c:1'], ['c:1']])
  })

  test('servers joining in any order, with any gaps and flaps, never give a list early', async () => {
    const all = ['a:1', 'b:1', 'c:1']
    const step = fc.record({ value: fc.subarray(all), afterMs: fc.integer({ min: 0, max: 5000 }) })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), fc.boolean(), async (steps, refuseWatches) => {
        const settleMs = 3000
        const { source, clock, call } = start(
          { minAddresses: 3, settleMs },
          (before) => (before.refuseWatches = refuseWatches),
        )
        let settled = false
        call.finally(() => (settled = true)).catch(() => {})
        let completeSince = Infinity
        for (const { value, afterMs } of [...steps, { value: all, afterMs: 0 }]) {
          await clock.advance(afterMs)
          // Whoever has seen all three for long enough may be right to end here.
          if (clock.now() - completeSince >= settleMs) break
          expect(settled).toBe(false)
          source.write(JSON.stringify(value))
          if (value.length < 3) completeSince = Infinity
          else if (completeSince === Infinity) completeSince = clock.now()
        }
        // With a watch every write is known at once. Without one it is known after the longest backoff, or after the
        // settling of a list that has been overtaken, and has to settle itself.
        const latest = clock.now() + settleMs + (refuseWatches ? Math.max(2000, settleMs) : 0)
        await clock.advance(latest - clock.now())
        expect(settled).toBe(true)
        const { addresses, elapsedMs } = await call
        expect(addresses).toEqual(all)
        expect(elapsedMs).toBeGreaterThanOrEqual(completeSince + settleMs)
        expect(elapsedMs).toBeLessThanOrEqual(latest)
      }),
      { numRuns: 300 },
    )
  })
})

describe('the call ends', () => {
  test('by its deadline, and says what it waited for', async () => {
    const { clock, call, events } = start({ timeoutMs: 60_000, minAddresses: 2 }, (source) => source.write('["a:1"]'))
    await clock.advance(60_000)
    const error = await call.catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(ApiserverAddressError)
    expect(error).toMatchObject({ code: 'DEADLINE_EXCEEDED', reason: 'incomplete', attempts: 1, elapsedMs: 60_000 })
    expect((error as Error).message).toBe(
      'rke2/apiaddresses: timed out after 60.0 s and 1 attempt, waiting for the full set of apiservers for the last 60.0 s: ' +
        'https://fake:2379: the list has 1 of at least 2 addresses: a:1',
    )
    expect(events.types.at(-1)).toBe('failed')
  })

  test('by its deadline in the middle of a read', async () => {
    const { clock, call } = start({ timeoutMs: 1000 }, (source) => source.hold())
    await clock.advance(1000)
    await expect(call).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED', reason: 'timeout' })
  })

  test('at once for a fault that asking again cannot mend', async () => {
    const { call, events } = start({}, (source) => source.write('rubbish'))
    await expect(call).rejects.toMatchObject({
      code: 'REJECTED',
      reason: 'invalid-value',
      message:
        "rke2/apiaddresses: failed after 0.0 s and 1 attempt: https://fake:2379: the value is not JSON: 'rubbish'",
    })
    expect(events.types).toEqual(['attempt', 'phase', 'failed'])
  })

  test('after a fault that a moment may mend has lasted too long, unless what it is about has changed', async () => {
    const { call, clock, source } = start(
      { retry: { jitter: 'none', initialDelayMs: 1000, maxDelayMs: 1000 } },
      (before) => {
        before.fingerprint = 'old'
        before.fail(new Failure('tls-rejected', 'expired', { cause: 'the cause' }))
      },
    )
    await clock.advance(9000)
    source.fingerprint = 'new'
    await clock.advance(10_000)
    expect(source.reads).toBe(20)
    await clock.advance(1000)
    await expect(call).rejects.toMatchObject({
      code: 'REJECTED',
      reason: 'tls-rejected',
      cause: 'the cause',
      elapsedMs: 20_000,
    })
  })

  test.each(['a read', 'a backoff', 'a watch'])(
    'by an abort during %s, at once and with its reason',
    async (during) => {
      const controller = new AbortController()
      const { call, clock, source, events } = start({ signal: controller.signal }, (before) => {
        if (during === 'a read') before.hold()
        if (during === 'a backoff') before.fail(new Failure('unreachable', 'refused'))
      })
      await clock.advance(100)
      const reason = { my: 'reason' }
      controller.abort(reason)
      await expect(call).rejects.toBe(reason)
      expect(events.types.filter((type) => ['resolved', 'failed', 'aborted'].includes(type))).toEqual(['aborted'])
      expect([clock.sleeping, source.closed, source.watching]).toEqual([0, true, 0])
    },
  )

  test('by a signal that was aborted before, without opening anything', async () => {
    const { call, source, events } = start({ signal: AbortSignal.abort('no') })
    await expect(call).rejects.toBe('no')
    expect([source.reads, events.types]).toEqual([0, ['aborted']])
  })

  test.each([
    ['attempt', '["a:1"]', ['attempt', 'aborted']],
    ['phase', '', ['attempt', 'phase', 'aborted']],
    ['phase', 'rubbish, which is final', ['attempt', 'phase', 'aborted']],
    ['probed', '["a:1"]', ['attempt', 'probed', 'aborted']],
  ])('once, when a listener aborts it from within %s, with %j in the key', async (when, value, expected) => {
    const controller = new AbortController()
    const events = new EventEmitter()
    const seen: string[] = []
    for (const type of ['attempt', 'phase', 'retry', 'probed', 'resolved', 'failed', 'aborted']) {
      events.on(type, () => {
        seen.push(type)
        if (type === when) controller.abort('enough')
      })
    }
    const source = new FakeSource()
    source.write(value)
    const probe = when === 'probed' ? 'tcp' : undefined
    const config = parseOptions({ events, signal: controller.signal, probe }, 'resolve')
    await expect(resolve(config, new VirtualClock(), source.asSource(), async () => {})).rejects.toBe('enough')
    expect(seen).toEqual(expected)
  })
})

test('an early wake after a silent connection came to stand is told as such', async () => {
  const { call, clock, source, events } = start({}, (before) => before.fail(new Failure('timeout', 'silent')))
  await clock.advance(1)
  source.write('["a:1"]')
  source.fail(undefined)
  source.stand()
  expect(await call).toMatchObject({ addresses: ['a:1'], attempts: 2 })
  expect(events.of('wake')).toEqual([{ type: 'wake', cause: 'connected' }])
})

test('delays stay within jitter and cap whatever fails', async () => {
  const retry = fc.record({
    initialDelayMs: fc.integer({ min: 1, max: 1000 }),
    maxDelayMs: fc.integer({ min: 1, max: 5000 }),
    factor: fc.integer({ min: 1, max: 4 }),
    jitter: fc.constantFrom('equal' as const, 'full' as const, 'none' as const),
  })
  await fc.assert(
    fc.asyncProperty(
      retry,
      fc.infiniteStream(fc.double({ min: 0, max: 0.999, noNaN: true })),
      async (given, chances) => {
        const { call, clock, events } = start(
          { retry: { ...given, maxAttempts: 12 } },
          (source) => source.fail(new Failure('unreachable', 'refused')),
          () => chances.next().value as number,
        )
        await clock.advance(12 * 5000)
        await expect(call).rejects.toMatchObject({ code: 'ATTEMPTS_EXHAUSTED' })
        const delays = events.of('retry').map(({ delayMs }) => delayMs)
        expect(delays).toHaveLength(11)
        for (const [n, delay] of delays.entries()) {
          const whole = Math.min(given.maxDelayMs, given.initialDelayMs * given.factor ** n)
          const least = { none: whole, equal: whole / 2, full: 0 }[given.jitter]
          expect(delay).toBeGreaterThanOrEqual(Math.floor(least))
          expect(delay).toBeLessThanOrEqual(Math.ceil(whole))
        }
      },
    ),
    { numRuns: 50 },
  )
})
