import { getEventListeners, getMaxListeners } from 'node:events'
import { expect, test } from 'vitest'
import { LinkedAbortController, orAborted, withLinkedAbort, withTimeout } from '../../../src/util/abort.ts'
import { VirtualClock } from '../../support/clock.ts'

const listenersOf = (signal: AbortSignal) => getEventListeners(signal, 'abort').length
const untilAborted = (signal: AbortSignal) => orAborted(new Promise<never>(() => {}), signal)

test('LinkedAbortController aborts with the reason of its parent', () => {
  const parent = new AbortController()
  const { signal } = new LinkedAbortController(parent.signal)
  expect(signal.aborted).toBe(false)
  parent.abort('enough')
  expect(signal.reason).toBe('enough')
})

test('LinkedAbortController is aborted from the start if its parent is', () => {
  const parent = AbortSignal.abort('enough')
  expect(new LinkedAbortController(parent).signal.reason).toBe('enough')
  expect(listenersOf(parent)).toBe(0)
})

test('LinkedAbortController does not abort its parent', () => {
  const parent = new AbortController()
  const controller = new LinkedAbortController(parent.signal)
  controller.abort('enough')
  expect(controller.signal.reason).toBe('enough')
  expect(parent.signal.aborted).toBe(false)
})

test('LinkedAbortController works without a parent', () => {
  const controller = new LinkedAbortController(undefined)
  controller.abort('enough')
  expect(controller.signal.reason).toBe('enough')
})

test('LinkedAbortController.end unlinks the parent and aborts its own signal', () => {
  const parent = new AbortController()
  const controller = new LinkedAbortController(parent.signal)
  expect(listenersOf(parent.signal)).toBe(1)
  controller.end()
  expect(listenersOf(parent.signal)).toBe(0)
  expect(controller.signal.reason).toEqual(new Error('the operation has ended'))
})

test.each([
  ['resolves', async () => 'result'],
  ['rejects', () => Promise.reject<string>(new Error('failed'))],
  [
    'throws',
    () => {
      throw new Error('failed')
    },
  ],
])('withLinkedAbort aborts the signal and unlinks the parent when the operation %s', async (_title, operation) => {
  const parent = new AbortController()
  let signal: AbortSignal | undefined
  const settled = withLinkedAbort(parent.signal, (controller) => {
    signal = controller.signal
    return operation()
  })
  const outcome = await settled.catch((error: Error) => error.message)
  expect(['result', 'failed']).toContain(outcome)
  expect(signal?.aborted).toBe(true)
  expect(listenersOf(parent.signal)).toBe(0)
})

test('withLinkedAbort passes the abort of the parent on to the operation', async () => {
  const parent = new AbortController()
  const operation = withLinkedAbort(parent.signal, ({ signal }) => untilAborted(signal))
  parent.abort('enough')
  await expect(operation).rejects.toBe('enough')
})

test('withTimeout aborts the signal with the reason when the time is over', async () => {
  const clock = new VirtualClock()
  let reasons = 0
  const reason = () => `reason ${++reasons}`
  const operation = withTimeout(clock, 1000, reason, new AbortController().signal, ({ signal }) => untilAborted(signal))
  const outcome = operation.catch((error: unknown) => error)
  await clock.advance(999)
  expect(reasons).toBe(0)
  await clock.advance(1)
  expect(await outcome).toBe('reason 1')
  expect(reasons).toBe(1)
})

test('withTimeout returns the result of an operation in time, and leaves no timer and no listener', async () => {
  const clock = new VirtualClock()
  const parent = new AbortController()
  const reason = () => expect.fail('the time is not over')
  expect(await withTimeout(clock, 1000, reason, parent.signal, async () => 'result')).toBe('result')
  expect(clock.sleeping).toBe(0)
  expect(listenersOf(parent.signal)).toBe(0)
  await clock.advance(1000)
})

test('withTimeout rejects with the reason of the parent, and leaves no timer', async () => {
  const clock = new VirtualClock()
  const parent = new AbortController()
  const reason = () => expect.fail('the time is not over')
  const operation = withTimeout(clock, 1000, reason, parent.signal, ({ signal }) => untilAborted(signal))
  parent.abort('enough')
  await expect(operation).rejects.toBe('enough')
  expect(clock.sleeping).toBe(0)
})

test('withTimeout does not sleep if the parent is aborted already', async () => {
  const clock = new VirtualClock()
  const operation = withTimeout(
    clock,
    1000,
    () => 'late',
    AbortSignal.abort('enough'),
    ({ signal }) => untilAborted(signal),
  )
  await expect(operation).rejects.toBe('enough')
  expect(clock.sleeping).toBe(0)
})

test('orAborted settles as the promise does, and leaves no listener', async () => {
  const { signal } = new AbortController()
  expect(await orAborted(Promise.resolve('result'), signal)).toBe('result')
  await expect(orAborted(Promise.reject(new Error('failed')), signal)).rejects.toThrow('failed')
  expect(listenersOf(signal)).toBe(0)
})

test('orAborted rejects with signal.reason when the signal aborts, and leaves no listener', async () => {
  const controller = new AbortController()
  const { promise, resolve } = Promise.withResolvers<string>()
  const waiting = orAborted(promise, controller.signal)
  controller.abort('enough')
  await expect(waiting).rejects.toBe('enough')
  resolve('late')
  await promise
  expect(listenersOf(controller.signal)).toBe(0)
})

test('orAborted rejects with signal.reason if the signal is aborted already', async () => {
  await expect(orAborted(Promise.resolve('result'), AbortSignal.abort('enough'))).rejects.toBe('enough')
})

test('LinkedAbortController adds one listener to a signal that many share, and removes it after the last', () => {
  const parent = new AbortController()
  const linked = Array.from({ length: 20 }, () => new LinkedAbortController(parent.signal))
  expect(listenersOf(parent.signal)).toBe(1)
  for (const controller of linked.splice(1)) controller.end()
  expect(listenersOf(parent.signal)).toBe(1)
  linked[0]!.end()
  expect(listenersOf(parent.signal)).toBe(0)
})

test('LinkedAbortController aborts with the parent that many share, and can be linked anew while that aborts', () => {
  const parent = new AbortController()
  const first = new LinkedAbortController(parent.signal)
  const second = new LinkedAbortController(parent.signal)
  const reasons: unknown[] = []
  first.signal.addEventListener('abort', () => {
    second.end()
    reasons.push(new LinkedAbortController(parent.signal).signal.reason)
  })
  parent.abort('enough')
  expect([first.signal.reason, ...reasons]).toEqual(['enough', 'enough'])
  expect(second.signal.aborted).toBe(true)
})

test('LinkedAbortController has a signal to which many waits may listen without a warning', () => {
  expect(getMaxListeners(new LinkedAbortController(undefined).signal)).toBe(0)
})
