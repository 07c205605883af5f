import { getEventListeners, once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { Socket } from 'node:net'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { maxTimerMs, systemClock } from '../../../src/util/clock.ts'
import { serve } from '../../support/serve.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

test.each([0, 0.4, 1, 5000, maxTimerMs, maxTimerMs + 1, 3 * maxTimerMs])(
  'sleep of %d ms resolves after that time, and leaves nothing',
  async (ms) => {
    const controller = new AbortController()
    let over = false
    void systemClock.sleep(ms, controller.signal).then(() => (over = true))
    await vi.advanceTimersByTimeAsync(Math.max(0, Math.floor(ms) - 1))
    expect(over).toBe(ms < 1)
    await vi.advanceTimersByTimeAsync(1)
    expect(over).toBe(true)
    expect(vi.getTimerCount()).toBe(0)
    expect(getEventListeners(controller.signal, 'abort')).toEqual([])
  },
)

test.each([1000, 3 * maxTimerMs])(
  'sleep of %d ms rejects at once when the signal aborts, and leaves no timer',
  async (ms) => {
    const controller = new AbortController()
    const sleep = systemClock.sleep(ms, controller.signal)
    vi.advanceTimersByTime(maxTimerMs < ms ? maxTimerMs + 1 : 1)
    const reason = new Error('enough')
    controller.abort(reason)
    await expect(sleep).rejects.toBe(reason)
    expect(vi.getTimerCount()).toBe(0)
  },
)

test('sleep rejects at once, without a timer, if the signal is aborted already', async () => {
  const reason = new Error('before')
  await expect(systemClock.sleep(1000, AbortSignal.abort(reason))).rejects.toBe(reason)
  expect(vi.getTimerCount()).toBe(0)
})

test('sleep resolves after the data that a socket received while the event loop was blocked', async () => {
  vi.useRealTimers()
  const server = createServer()
  const accepted = once(server, 'connection') as Promise<[Socket]>
  const client = connect(await serve(server))
  const order: string[] = []
  const received = once(client, 'data').then(() => order.push('data'))
  const [socket] = await accepted
  // After this, the timers are the next to run.
  await new Promise(setImmediate)
  const { signal } = new AbortController()
  const slept = systemClock.sleep(1, signal).then(() => order.push('sleep'))
  socket.write('x')
  for (const startedAt = performance.now(); performance.now() - startedAt < 20;);
  await Promise.all([received, slept])
  expect(order).toEqual(['data', 'sleep'])
  client.destroy()
})
