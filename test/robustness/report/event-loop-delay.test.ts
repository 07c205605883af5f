import { expect, onTestFinished, test, vi } from 'vitest'
import { EventLoopDelay } from '../../../robustness/report/event-loop-delay.ts'

/** Returns a measurement, and functions that let time pass while the process runs, or while it is stopped. */
function measure() {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  let now = 1000
  vi.spyOn(performance, 'now').mockImplementation(() => now)
  const delay = new EventLoopDelay()
  onTestFinished(() => {
    delay[Symbol.dispose]()
    vi.restoreAllMocks()
    vi.useRealTimers()
  })
  const run = (ticks: number) => {
    for (let n = 0; n < ticks; n++) {
      now += 25
      vi.advanceTimersByTime(25)
    }
  }
  const stop = (ms: number) => void (now += ms)
  return { delay, run, stop }
}

test('EventLoopDelay measures nothing while the process runs', () => {
  const { delay, run } = measure()
  run(40)
  expect(delay.totalMs(1000, 2000)).toBe(0)
})

test('EventLoopDelay counts a stop of the process, before its own timer has run again and after that', () => {
  const { delay, run, stop } = measure()
  run(40)
  stop(8025)
  expect(delay.totalMs(1500, 10_025)).toBe(8000)
  run(1)
  expect(delay.totalMs(1500, 10_050)).toBe(8025)
})

test('EventLoopDelay counts no stop from before or after the time', () => {
  const { delay, run, stop } = measure()
  run(40)
  stop(8000)
  run(40)
  expect(delay.totalMs(1000, 1900)).toBe(0)
  expect(delay.totalMs(10_500, 10_900)).toBe(0)
})
