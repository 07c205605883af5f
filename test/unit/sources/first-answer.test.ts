import { expect, onTestFinished, test } from 'vitest'
import { errorsOf, failedOrAfter, firstAnswer } from '../../../src/sources/first-answer.ts'
import { VirtualClock } from '../../support/clock.ts'

/** Reads targets whose answers the test gives. */
function start(targets: string, timeMs = 10_000) {
  const clock = new VirtualClock()
  const controller = new AbortController()
  onTestFinished(() => {
    controller.abort('the test is over')
    expect(clock.sleeping).toBe(0)
  })
  const timing = { timeMs, clock, signal: controller.signal }
  const answers = new Map<string, PromiseWithResolvers<string>>()
  const read = (target: string) => {
    const answer = Promise.withResolvers<string>()
    answers.set(target, answer)
    return answer.promise
  }
  const result = firstAnswer(targets.split(''), timing, read)
  result.catch(() => {})
  const answerOf = (target: string): PromiseWithResolvers<string> => {
    const answer = answers.get(target)
    if (answer === undefined) throw new Error(`${target} has not been read`)
    return answer
  }
  return { clock, controller, timing, result, answerOf, read: () => [...answers.keys()].join('') }
}

test('firstAnswer reads only the first target if it answers, and the signal is aborted then', async () => {
  const { clock, controller, result, answerOf, read } = start('abc')
  await clock.advance(0)
  answerOf('a').resolve('1')
  expect(await result).toBe('1')
  controller.abort('answered')
  await clock.advance(10_000)
  expect(read()).toBe('a')
})

test('firstAnswer reads the next target at once when the one before has failed', async () => {
  const { clock, result, answerOf, read } = start('abc')
  await clock.advance(0)
  answerOf('a').reject(new Error('a'))
  await clock.advance(0)
  answerOf('b').reject(new Error('b'))
  await clock.advance(0)
  expect(read()).toBe('abc')
  answerOf('c').resolve('3')
  expect(await result).toBe('3')
})

test('firstAnswer reads the next target after each 500 ms of silence', async () => {
  const { clock, read } = start('abc')
  const seen: string[] = []
  for (const ms of [499, 1, 499, 1]) {
    await clock.advance(ms)
    seen.push(read())
  }
  expect(seen).toEqual(['a', 'ab', 'ab', 'abc'])
})

test('firstAnswer returns the late answer of a target when the next ones are silent', async () => {
  const { clock, result, answerOf } = start('abc')
  await clock.advance(2000)
  answerOf('a').resolve('1')
  expect(await result).toBe('1')
})

test('firstAnswer gives each target an equal share of a short time', async () => {
  const { clock, read } = start('abc', 400)
  const seen: string[] = []
  for (const ms of [99, 1, 99, 1]) {
    await clock.advance(ms)
    seen.push(read())
  }
  expect(seen).toEqual(['a', 'ab', 'ab', 'abc'])
})

test('firstAnswer rejects with the error of each target, in their order, when all have failed', async () => {
  const { clock, result, answerOf } = start('ab')
  await clock.advance(500)
  answerOf('b').reject(new Error('b'))
  answerOf('a').reject(new Error('a'))
  const error = await result.catch((reason: unknown) => reason)
  expect(error).toBeInstanceOf(AggregateError)
  expect(errorsOf(error)).toEqual([new Error('a'), new Error('b')])
})

test('firstAnswer without a target rejects without an error', async () => {
  const error = await start('').result.catch((reason: unknown) => reason)
  expect(errorsOf(error)).toEqual([])
})

test('firstAnswer reads no further target when the signal is aborted', async () => {
  const { clock, controller, result, answerOf, read } = start('abc')
  await clock.advance(500)
  controller.abort('enough')
  answerOf('a').reject('enough')
  answerOf('b').reject('enough')
  const error = await result.catch((reason: unknown) => reason)
  expect([errorsOf(error), read()]).toEqual([['enough', 'enough', 'enough'], 'ab'])
})

test('failedOrAfter resolves when the answer has failed', async () => {
  const { timing } = start('')
  await expect(failedOrAfter(Promise.reject(new Error('failed')), 1000, timing)).resolves.toBeUndefined()
})

test('failedOrAfter resolves after the time without an answer, and rejects when the signal is aborted', async () => {
  const { clock, timing, controller } = start('')
  const silence = new Promise(() => {})
  const [first, second] = [failedOrAfter(silence, 1000, timing), failedOrAfter(silence, 2000, timing)]
  await clock.advance(1000)
  await expect(first).resolves.toBeUndefined()
  controller.abort('enough')
  await expect(second).rejects.toBe('enough')
})

test('failedOrAfter does not resolve when the answer comes, and rejects when the signal is aborted after it', async () => {
  const { clock, timing, controller } = start('')
  const result = failedOrAfter(Promise.resolve('answer'), 1000, timing)
  await clock.advance(999)
  controller.abort('answered')
  await expect(result).rejects.toBe('answered')
})

test('errorsOf returns the errors of nested groups, and an error that is no group', () => {
  const [a, b, c] = [new Error('a'), new Error('b'), new Error('c')]
  expect(errorsOf(new AggregateError([a, new AggregateError([b, new AggregateError([])]), c]))).toEqual([a, b, c])
  expect(errorsOf(a)).toEqual([a])
})
