import { expect, test } from 'vitest'
import { retriedForLonger } from '../../../src/call/tolerance.ts'
import { Failure } from '../../../src/sources/failure.ts'

test.each([
  ['tls-rejected', 600_000],
  ['invalid-value', Infinity],
  ['unauthenticated', 0],
  ['unreachable', Infinity],
] as const)('a watch that has a list retries %s for %d ms', (reason, retryForMs) => {
  const failure = new Failure(reason, 'message', { cause: 'cause', hint: 'hint' })
  expect(retriedForLonger(failure)).toMatchObject({
    reason,
    message: 'message',
    cause: 'cause',
    hint: 'hint',
    retryForMs,
  })
})

test('retriedForLonger keeps a limit that is longer, and any other error', () => {
  const notYetValid = new Failure('tls-rejected', 'not valid yet', { retryForMs: Infinity })
  expect(retriedForLonger(notYetValid)).toBe(notYetValid)
  const defect = new TypeError('defect')
  expect(retriedForLonger(defect)).toBe(defect)
})
