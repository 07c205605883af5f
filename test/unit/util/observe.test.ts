import { expect, test } from 'vitest'
import { observe } from '../../../src/util/observe.ts'
import { idle } from '../../support/clock.ts'
import { collectUncaught } from '../../support/uncaught.ts'

test('observe calls the observer at once', () => {
  let calls = 0
  observe(() => calls++)
  expect(calls).toBe(1)
})

test('observe returns although the observer throws, and its error is an uncaught exception', async () => {
  const uncaught = collectUncaught()
  const error = new Error('from the observer')
  observe(() => {
    throw error
  })
  expect(uncaught).toEqual([])
  await idle()
  expect(uncaught).toEqual([error])
})
