import { expect, test } from 'vitest'
import { SetupLook } from '../../../src/sources/setup-look.ts'
import { VirtualClock } from '../../support/clock.ts'
import { heapUsed } from '../../support/heap.ts'
import { sourceOptions } from '../../support/setup.ts'

const never = new AbortController().signal

/** Returns a look at a file system that does not answer until `answer` is called, and then has no files. */
function unanswered() {
  const clock = new VirtualClock()
  const answered = Promise.withResolvers<boolean>()
  const setups = new SetupLook(sourceOptions({ dataDir: '/data' }), clock, () => answered.promise)
  /** Looks until the look gives up. */
  const look = async () => {
    const result = setups.look(never)
    await clock.advance(1000)
    return result
  }
  return { setups, clock, look, answer: () => answered.resolve(false) }
}

const undecided = { kind: undefined, distribution: 'rke2', dataDir: '/data' }

test('SetupLook.look resolves with undefined after 1 s, and with the late answer at the next look', async () => {
  const { setups, look, answer, clock } = unanswered()
  expect(await look()).toBeUndefined()
  answer()
  await clock.advance(0)
  expect(await setups.look(never)).toEqual(undecided)
})

test('SetupLook.look resolves with an answer that comes during a later look', async () => {
  const { setups, look, answer } = unanswered()
  await look()
  const second = setups.look(never)
  expect(setups.isWaiting).toBe(true)
  answer()
  expect(await second).toEqual(undecided)
  expect(setups.isWaiting).toBe(false)
})

test('SetupLook.look rejects with signal.reason, and the next look waits for the same answer', async () => {
  const { setups, answer } = unanswered()
  const controller = new AbortController()
  const aborted = setups.look(controller.signal)
  controller.abort('enough')
  await expect(aborted).rejects.toBe('enough')
  const next = setups.look(never)
  answer()
  expect(await next).toEqual(undecided)
})

test('SetupLook.look keeps no memory of the looks that gave up while the file system does not answer', async () => {
  const { look } = unanswered()
  const lookOften = async () => {
    for (let count = 0; count < 2000; count++) await look()
    return heapUsed()
  }
  await lookOften()
  const before = await lookOften()
  // Each look kept about 300 bytes when it added a reaction to the same pending promise.
  expect((await lookOften()) - before).toBeLessThan(2000 * 50)
})
