import { expect, test } from 'vitest'
import type { Reason } from '../../../src/errors.ts'
import { Failure, mostInformative } from '../../../src/sources/failure.ts'
import { reasons } from '../../../src/sources/reasons.ts'
import { failureOf } from '../../support/etcd-source.ts'

test('Failure has a cause only if one was given', () => {
  expect('cause' in new Failure('timeout', 'message')).toBe(false)
  expect(new Failure('timeout', 'message', { cause: undefined })).toHaveProperty('cause', undefined)
})

test.each(Object.keys(reasons) as Reason[])('Failure.isClusterWide is right for %s', (reason) => {
  const clusterWide: Reason[] = ['unauthenticated', 'permission-denied', 'invalid-value']
  expect(failureOf(reason).isClusterWide).toBe(clusterWide.includes(reason))
})

test.each<[reported: Reason, failures: Reason[]]>([
  ['no-leader', ['unreachable', 'no-leader', 'timeout']],
  ['no-leader', ['no-leader', 'learner']],
  ['learner', ['unreachable', 'learner']],
  ['unavailable', ['unavailable', 'timeout']],
  ['timeout', ['unreachable', 'timeout', 'unreachable']],
  ['unreachable', ['rejected', 'unreachable']],
  ['unreachable', ['tls-rejected', 'unreachable']],
  ['tls-rejected', ['rejected', 'tls-rejected']],
  ['rejected', ['rejected', 'rejected']],
  ['unauthenticated', ['unreachable', 'unauthenticated']],
  ['permission-denied', ['timeout', 'permission-denied']],
  ['invalid-value', ['invalid-value', 'unreachable']],
])('mostInformative returns %s of the failures %j', (reported, failures) => {
  expect(mostInformative(failures.map(failureOf))).toMatchObject({ reason: reported })
})

test('mostInformative returns the first of several failures with the same reason', () => {
  const [first, second] = [failureOf('no-leader'), failureOf('no-leader')]
  expect(mostInformative([first, second])).toBe(first)
})

test('mostInformative prefers a failure that is retried for ever to one that got further', () => {
  const retriedForever = new Failure('tls-files-unreadable', 'message', { retryForMs: Infinity })
  expect(mostInformative([failureOf('rejected'), retriedForever])).toBe(retriedForever)
})

test('mostInformative returns an error that is not a Failure before any failure', () => {
  const defect = new TypeError('a defect')
  expect(mostInformative([failureOf('invalid-value'), defect])).toBe(defect)
})

test('mostInformative returns a timeout if no endpoint has failed', () => {
  expect(mostInformative([])).toMatchObject({ name: 'Failure', reason: 'timeout' })
})
