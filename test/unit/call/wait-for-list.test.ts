import fc from 'fast-check'
import { expect, test } from 'vitest'
import { idle } from '../../support/clock.ts'
import { outcome, watchFake } from '../../support/fake-watch.ts'
import { resolveFake } from '../../support/resolving.ts'

test('waitForList resolves at once with a list that the watch pushes, without another read', async () => {
  const { source, clock, result, events } = resolveFake()
  await clock.advance(10_000)
  source.write('["a:1"]')
  expect(await result).toMatchObject({ addresses: ['a:1'], attempts: 1, elapsedMs: 10_000 })
  expect(events.types).toEqual(['attempt', 'phase', 'retry', 'wake', 'resolved'])
})

test('waitForList resolves with a write that was pushed during a read that returned an older value', async () => {
  const { source, clock, result } = resolveFake()
  await clock.advance(1000)
  source.hold()
  await clock.advance(90_000)
  source.write('["a:1"]')
  source.release({ value: undefined, modRevision: 0n, createRevision: 0n, version: 0n, revision: 0n })
  expect(await result).toMatchObject({ addresses: ['a:1'], attempts: 2 })
})

test('waitForList does not go back to a pushed change that is older than the last read', async () => {
  const { source, clock, result } = resolveFake({ minAddresses: 2 })
  await clock.advance(1000)
  source.hold()
  await clock.advance(90_000)
  source.write('["a:1","b:1"]')
  source.write('["a:1"]')
  source.release(source.snapshot())
  await idle()
  source.write('["a:1","c:1"]')
  expect(await result).toMatchObject({ addresses: ['a:1', 'c:1'] })
})

test('waitForList takes a pushed list that is older than the store was when the change before it arrived', async () => {
  const { etcd, watch, events, clock } = watchFake({ minAddresses: 2 })
  const next = outcome(watch.next())
  await idle()
  etcd.latencyMs = 10
  etcd.putList('a:1')
  await clock.advance(1)
  etcd.putList('a:1', 'b:1')
  etcd.bump(1000n) // etcd sends a long history in several messages, each with the revision of the store now.
  await clock.advance(10)
  expect(next.is).toMatchObject({ addresses: ['a:1', 'b:1'] })
  expect(events.of('attempt')).toHaveLength(1)
  await watch.close()
})

test('waitForList reads the list again only every 60 to 90 s while a watch is open', async () => {
  const { source, clock, events } = resolveFake()
  await clock.advance(59_999)
  expect(source.reads).toBe(1)
  await clock.advance(30_001)
  expect(source.reads).toBe(2)
  expect(events.of('retry')[0]?.delayMs).toBe(75_000)
  await clock.advance(10 * 60_000)
  expect(source.reads).toBeLessThanOrEqual(12)
  expect(source.watches).toBe(1)
})

test('waitForList reads the list again with the backoff when no watch can be opened', async () => {
  const { source, clock, result, events } = resolveFake({}, (fakes) => fakes.source.refuseWatches())
  await clock.advance(20_000)
  const delays = events.of('retry').map(({ delayMs }) => delayMs)
  expect(delays.slice(0, 5)).toEqual([188, 375, 750, 1425, 1425])
  source.write('["a:1"]')
  await clock.advance(2000)
  expect(await result).toMatchObject({ addresses: ['a:1'] })
})

test('waitForList reads the list again after the backoff when the watch has ended', async () => {
  const { source, clock, result } = resolveFake()
  await clock.advance(10_000)
  source.cut()
  source.write('["a:1"]')
  await clock.advance(249)
  expect(await result).toMatchObject({ addresses: ['a:1'], attempts: 2 })
})

test('waitForList emits the failure of each value, and resolves with the first complete list', async () => {
  const { source, clock, result, events } = resolveFake({ minAddresses: 3 })
  await clock.advance(1)
  for (const value of ['', '[]', '["a:1"]', '["a:1","b:1"]', '["a:1"]', '["a:1","b:1","c:1"]']) {
    source.write(value)
    await idle()
  }
  expect(await result).toMatchObject({ addresses: ['a:1', 'b:1', 'c:1'] })
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

test('waitForList resolves settleMs after the last change of the list, and not before', async () => {
  const { source, clock, result } = resolveFake({ settleMs: 3000 }, (fakes) => fakes.source.write('["a:1"]'))
  await clock.advance(2000)
  source.write('["a:1","b:1"]')
  await clock.advance(2999)
  source.write('["a:1","b:1"]')
  expect(source.reads).toBe(1)
  await clock.advance(1)
  expect(await result).toMatchObject({ addresses: ['a:1', 'b:1'], elapsedMs: 5000, attempts: 2 })
})

test('waitForList waits until the deadline for a list that never settles, and the error says so', async () => {
  const { source, clock, result } = resolveFake({ settleMs: 3000, timeoutMs: 60_000, expect: ['b'] })
  while (clock.now() < 60_000) {
    source.write(clock.now() % 2000 === 0 ? '["a:1","b:1"]' : '["b:1"]')
    await clock.advance(1000)
  }
  await expect(result).rejects.toMatchObject({
    code: 'DEADLINE_EXCEEDED',
    reason: 'incomplete',
    elapsedMs: 60_000,
    message: expect.stringMatching(/: the list is complete and must stay the same for 3 s: b:1$/),
  })
})

test('waitForList resolves neither early nor late when servers join in any order and at any pace', async () => {
  const all = ['a:1', 'b:1', 'c:1']
  const settleMs = 3000
  const step = fc.record({ value: fc.subarray(all), afterMs: fc.integer({ min: 0, max: 5000 }) })
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 12 }), fc.boolean(), async (steps, refuseWatches) => {
      const { source, clock, result } = resolveFake({ minAddresses: 3, settleMs }, (fakes) => {
        if (refuseWatches) fakes.source.refuseWatches()
      })
      let hasResolved = false
      result.finally(() => (hasResolved = true)).catch(() => {})
      let completeSince = Infinity
      for (const { value, afterMs } of [...steps, { value: all, afterMs: 0 }]) {
        await clock.advance(afterMs)
        // The complete list may have been seen for long enough, so that the call may have ended.
        if (clock.now() - completeSince >= settleMs) break
        expect(hasResolved).toBe(false)
        source.write(JSON.stringify(value))
        if (value.length < 3) completeSince = Infinity
        else if (completeSince === Infinity) completeSince = clock.now()
      }
      // A watch pushes every write at once. Without a watch, a write is read after the longest backoff, or when an
      // earlier list would have settled, and then has to settle itself.
      const latest = clock.now() + settleMs + (refuseWatches ? Math.max(2000, settleMs) : 0)
      await clock.advance(latest - clock.now())
      expect(hasResolved).toBe(true)
      const { addresses, elapsedMs } = await result
      expect(addresses).toEqual(all)
      expect(elapsedMs).toBeGreaterThanOrEqual(completeSince + settleMs)
      expect(elapsedMs).toBeLessThanOrEqual(latest)
    }),
    { numRuns: 300 },
  )
})

test('waitForList returns a list when settleMs is over, although opening the watch took a part of that time', async () => {
  const { clock, events } = resolveFake({ settleMs: 5000 }, ({ source }) => {
    source.write('["a:1"]')
    const watch = source.watch.bind(source)
    source.watch = async (revision, signal) => {
      await clock.sleep(4000, signal)
      return watch(revision, signal)
    }
  })
  await clock.advance(5000)
  expect(events.of('resolved')).toMatchObject([{ addresses: ['a:1'], elapsedMs: 5000 }])
})
