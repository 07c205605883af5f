import { pino } from 'pino'
import { expect, test } from 'vitest'
import { childLogger, observe } from '../../../src/util/observe.ts'
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

test('childLogger adds the name of the package to each line', () => {
  const lines: unknown[] = []
  const logger = pino({ base: null }, { write: (line) => void lines.push(JSON.parse(line)) })
  childLogger(logger)?.info('found')
  expect(lines).toMatchObject([{ name: 'rke2-apiserver-resolver', msg: 'found' }])
})

test('childLogger returns undefined without a logger', () => {
  expect(childLogger(undefined)).toBeUndefined()
})
