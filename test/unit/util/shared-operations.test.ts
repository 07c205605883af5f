import { expect, test } from 'vitest'
import { SharedOperations } from '../../../src/util/shared-operations.ts'

/** Returns operations that the test ends, and the keys for which they were started. */
function controlled() {
  const started: string[] = []
  let result = Promise.withResolvers<string>()
  const operations = new SharedOperations((key) => {
    started.push(key)
    result = Promise.withResolvers()
    return result.promise
  })
  return { operations, started, end: (text: string) => result.resolve(text), fail: (e: Error) => result.reject(e) }
}

test('SharedOperations.run starts one operation for callers with the same key, and gives its result to all', async () => {
  const { operations, started, end } = controlled()
  const results = [operations.run('a'), operations.run('a')]
  expect(operations.isRunning('a')).toBe(true)
  end('first')
  expect(await Promise.all(results)).toEqual(['first', 'first'])
  expect(operations.isRunning('a')).toBe(false)
  const next = operations.run('a')
  end('second')
  expect(await next).toBe('second')
  expect(started).toEqual(['a', 'a'])
})

test('SharedOperations.run rejects with the error of the operation for every caller', async () => {
  const { operations, fail } = controlled()
  const results = [operations.run('a'), operations.run('a', new AbortController().signal)]
  fail(new Error('refused'))
  for (const result of results) await expect(result).rejects.toThrow('refused')
  expect(operations.isRunning('a')).toBe(false)
})

test('SharedOperations.run rejects with signal.reason, and the operation goes on for the other callers', async () => {
  const { operations, started, end } = controlled()
  const controller = new AbortController()
  const [aborted, other] = [operations.run('a', controller.signal), operations.run('a')]
  controller.abort('enough')
  await expect(aborted).rejects.toBe('enough')
  end('result')
  expect(await other).toBe('result')
  expect(started).toEqual(['a'])
})
