import { getEventListeners } from 'node:events'
import { expect, test } from 'vitest'
import { Waiters } from '../../../src/util/waiters.ts'

const { signal } = new AbortController()

test('Waiters.wake ends every wait of now, and none that starts later', async () => {
  const waiters = new Waiters()
  const [first, second] = [waiters.wait(signal), waiters.wait(signal)]
  waiters.wake()
  await Promise.all([first, second])
  const ended: string[] = []
  const third = waiters.wait(signal).then(() => ended.push('third'))
  await Promise.resolve()
  expect(ended).toEqual([])
  waiters.wake()
  await third
  expect(ended).toEqual(['third'])
})

test('Waiters.fail ends every wait with the error', async () => {
  const waiters = new Waiters()
  const wait = waiters.wait(signal)
  waiters.fail(new Error('lost'))
  await expect(wait).rejects.toThrow('lost')
})

test('Waiters.wait rejects with signal.reason when aborted, and leaves no listener', async () => {
  const controller = new AbortController()
  const wait = new Waiters().wait(controller.signal)
  controller.abort('enough')
  await expect(wait).rejects.toBe('enough')
  expect(getEventListeners(controller.signal, 'abort')).toEqual([])
})
