import { beforeEach, expect, onTestFinished, test, vi } from 'vitest'
import { withGrace } from '../../../src/command/grace.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  onTestFinished(() => void vi.useRealTimers())
})

const never = () => new Promise<never>(() => {})

test.each([
  ['before it was called', true],
  ['while it waits', false],
])('withGrace rejects with signal.reason a second after a signal that aborted %s', async (_title, isEarly) => {
  const controller = new AbortController()
  if (isEarly) controller.abort('SIGTERM')
  const settled = vi.fn<(reason: unknown) => void>()
  const waiting = withGrace(never(), controller.signal).catch(settled)
  if (!isEarly) controller.abort('SIGTERM')
  await vi.advanceTimersByTimeAsync(999)
  expect(settled).not.toHaveBeenCalled()
  await vi.advanceTimersByTimeAsync(1)
  await waiting
  expect(settled).toHaveBeenCalledExactlyOnceWith('SIGTERM')
})

test('withGrace settles as the promise does within a second after the signal', async () => {
  const signal = AbortSignal.abort('SIGTERM')
  expect(await withGrace(Promise.resolve('done'), signal)).toBe('done')
  await expect(withGrace(Promise.reject(new Error('full')), signal)).rejects.toThrow('full')
})

test('withGrace leaves no timer and no listener when it has settled', async () => {
  const { signal } = new AbortController()
  const [add, remove] = [vi.spyOn(signal, 'addEventListener'), vi.spyOn(signal, 'removeEventListener')]
  await withGrace(Promise.resolve(), signal)
  expect(remove.mock.calls.map(([type, listener]) => [type, listener])).toEqual(
    add.mock.calls.map(([type, listener]) => [type, listener]),
  )
  await withGrace(Promise.resolve(), AbortSignal.abort('SIGTERM'))
  expect(vi.getTimerCount()).toBe(0)
})
