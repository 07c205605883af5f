import { expect, test } from 'vitest'
import { StandstillDetector } from '../../../src/util/standstill.ts'
import { VirtualClock } from '../../support/clock.ts'

function startDetector() {
  const clock = new VirtualClock()
  const controller = new AbortController()
  const detector = new StandstillDetector(clock)
  const running = detector.run(controller.signal)
  return { clock, controller, detector, running }
}

test('StandstillDetector.hasStoppedSince is false while the process runs', async () => {
  const { clock, detector } = startDetector()
  await clock.advance(10_000)
  expect(detector.hasStoppedSince(0)).toBe(false)
})

test('StandstillDetector.hasStoppedSince is false when a timer fires up to 100 ms late', async () => {
  const { clock, detector } = startDetector()
  await clock.standStill(350)
  expect(detector.hasStoppedSince(0)).toBe(false)
})

test('StandstillDetector.hasStoppedSince is true after a stop, before the timer of the detector has fired', () => {
  const clock = new VirtualClock()
  const detector = new StandstillDetector(clock)
  void clock.standStill(351)
  expect(detector.hasStoppedSince(0)).toBe(true)
})

test('StandstillDetector.hasStoppedSince is true for times before the end of a stop, and false for later ones', async () => {
  const { clock, detector } = startDetector()
  await clock.advance(1000)
  await clock.standStill(5000)
  const end = clock.now()
  await clock.advance(1000)
  expect([0, end - 1, end, end + 1].map((time) => detector.hasStoppedSince(time))).toEqual([true, true, false, false])
})

test('StandstillDetector.run ends at once when its signal aborts, and leaves no timer', async () => {
  const { clock, controller, running } = startDetector()
  controller.abort()
  expect(await running).toBeUndefined()
  expect(clock.sleeping).toBe(0)
})
