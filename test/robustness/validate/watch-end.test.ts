import { expect, test } from 'vitest'
import type { WatchEndRecord } from '../../../robustness/report/records.ts'
import { validateWatchEnd } from '../../../robustness/validate/watch-end.ts'
import { contextOf, historyOf } from '../fixtures.ts'

const context = contextOf(historyOf())
const failure = new Error('failed')
const closed: WatchEndRecord = {
  method: 'close',
  requestedAt: 1000,
  endedAt: 1010,
  endedByItself: false,
  readerError: undefined,
  failure: undefined,
  abortReason: 'aborted',
  closed: true,
  abortListeners: 0,
  done: true,
}

test.each<[title: string, end: WatchEndRecord]>([
  ['a watch that was closed', closed],
  ['a watch that was aborted', { ...closed, method: 'abort', readerError: 'aborted' }],
  ['a watch that failed', { ...closed, endedByItself: true, readerError: failure, failure }],
])('validateWatchEnd accepts %s', (_title, end) => {
  expect(validateWatchEnd(end, context)).toEqual([])
})

test.each<[title: string, problem: string, end: WatchEndRecord]>([
  ['an error of the reader after close', 'instead of undefined', { ...closed, readerError: failure }],
  ['a missing abort reason', 'the error undefined instead of aborted', { ...closed, method: 'abort' }],
  ['an end without an error', 'the watch ended by itself', { ...closed, endedByItself: true }],
  ['a slow end', 'close took 400 ms', { ...closed, endedAt: 1400 }],
  ['a missing closed event', 'without the event closed', { ...closed, closed: false }],
  ['a listener that is left on the signal', 'a listener is left', { ...closed, abortListeners: 1 }],
  ['a value after the end', 'next() returned a value', { ...closed, done: false }],
])('validateWatchEnd reports %s', (_title, problem, end) => {
  expect(validateWatchEnd(end, context)).toEqual([expect.stringContaining(problem)])
})
