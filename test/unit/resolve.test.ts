import { EventEmitter } from 'node:events'
import { expect, test } from 'vitest'
import { parseOptions } from '../../src/call/config.ts'
import { resolve } from '../../src/resolve.ts'
import { Failure } from '../../src/sources/failure.ts'
import { idle, VirtualClock } from '../support/clock.ts'
import { FakeSource } from '../support/fake-source.ts'
import { resolveFake } from '../support/resolving.ts'

test('resolve returns the sorted list, its revision and its cost after one read', async () => {
  const { source, clock, result, events } = resolveFake({}, (fakes) => fakes.source.write('["b:1","a:1"]'))
  expect(await result).toEqual({
    addresses: ['a:1', 'b:1'],
    urls: ['https://a:1', 'https://b:1'],
    source: 'etcd',
    revision: '2',
    attempts: 1,
    elapsedMs: 0,
  })
  expect(events.types).toEqual(['attempt', 'resolved'])
  expect(clock.sleeping).toBe(0)
  await idle()
  expect(source.closed).toBe(true)
})

test('resolve closes its watch after the list was pushed', async () => {
  const { source, clock, result } = resolveFake()
  await clock.advance(10_000)
  expect(source.watching).toBe(1)
  source.write('["a:1"]')
  await result
  await idle()
  expect(source.watching).toBe(0)
})

test.each(['a read', 'a backoff', 'a watch'])(
  'resolve rejects with signal.reason at once when aborted during %s, and leaves nothing open',
  async (during) => {
    const controller = new AbortController()
    const { result, clock, source, events } = resolveFake({ signal: controller.signal }, (fakes) => {
      if (during === 'a read') fakes.source.hold()
      if (during === 'a backoff') fakes.source.fail(new Failure('unreachable', 'refused'))
    })
    await clock.advance(100)
    const reason = { my: 'reason' }
    controller.abort(reason)
    await expect(result).rejects.toBe(reason)
    expect(events.types.filter((type) => ['resolved', 'failed', 'aborted'].includes(type))).toEqual(['aborted'])
    expect([clock.sleeping, source.closed, source.watching]).toEqual([0, true, 0])
  },
)

test('resolve rejects with the reason of a signal that was aborted before the call, and reads nothing', async () => {
  const { result, source, events } = resolveFake({ signal: AbortSignal.abort('no') })
  await expect(result).rejects.toBe('no')
  expect([source.reads, events.types]).toEqual([0, ['aborted']])
})

test.each([
  ['attempt', '["a:1"]', ['attempt', 'aborted']],
  ['phase', '', ['attempt', 'phase', 'aborted']],
  ['phase', 'not JSON', ['attempt', 'phase', 'aborted']],
  ['probed', '["a:1"]', ['attempt', 'probed', 'aborted']],
])(
  'resolve rejects with signal.reason and emits one end when a listener of %s aborts, with the value %j',
  async (abortedBy, value, expected) => {
    const controller = new AbortController()
    const events = new EventEmitter()
    const emitted: string[] = []
    for (const type of ['attempt', 'phase', 'retry', 'probed', 'resolved', 'failed', 'aborted']) {
      events.on(type, () => {
        emitted.push(type)
        if (type === abortedBy) controller.abort('enough')
      })
    }
    const source = new FakeSource()
    source.write(value)
    const probe = abortedBy === 'probed' ? 'tcp' : undefined
    const config = parseOptions({ events, signal: controller.signal, probe }, 'resolve')
    await expect(resolve(config, new VirtualClock(), source, async () => {})).rejects.toBe('enough')
    expect(emitted).toEqual(expected)
  },
)
