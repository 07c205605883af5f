import { expect, test } from 'vitest'
import { fuzzSeed } from '../../../support/fuzz.ts'
import { every, frameFloods, http2Frame, thousand } from '../../../support/hostile-http2.ts'
import type { Answer, OnConnection } from '../../../support/hostile-http2.ts'
import { bounded, outcome } from '../../../support/hostile-outcome.ts'
import {
  emptyList,
  endlessly,
  lineOf,
  listOf,
  sliceOf,
  startHostileApiserver,
  startHostileTls,
} from '../../../support/kubernetes/hostile-apiserver.ts'
import { expectNoLeaks } from '../../../support/no-leaks.ts'
import { SeededRandom } from '../../../support/random.ts'
import '../../../support/preload.ts'
import { Recorder } from '../../../support/recorder.ts'

expectNoLeaks()

let version = 11
const eventOf = (content: object, type = 'MODIFIED') =>
  lineOf(type, sliceOf(content, { resourceVersion: `${++version}` }))
const bookmark = (resourceVersion: string) =>
  lineOf('BOOKMARK', { kind: 'EndpointSlice', metadata: { resourceVersion }, endpoints: null })

/** Streams that never end, in place of a list or a watch, and the reason of the call that ends by its deadline. */
const floods: Record<string, readonly [request: 'list' | 'watch', reason: string, Answer]> = {
  'spaces in place of a list': ['list', 'invalid-value', endlessly(() => Buffer.alloc(16_000, 32))],
  slices: [
    'list',
    'invalid-value',
    endlessly(() => `${JSON.stringify(sliceOf())},`, JSON.stringify(listOf([])).slice(0, -2)),
  ],
  'bytes one by one': ['list', 'timeout', endlessly(() => ' ')],
  'empty lines': ['watch', 'not-set', endlessly(() => '\n'.repeat(1000))],
  bookmarks: ['watch', 'not-set', endlessly(() => bookmark(`${++version}`))],
  'old bookmarks': ['watch', 'not-set', endlessly(() => bookmark('1'))],
  'slices without endpoints': ['watch', 'not-set', endlessly(() => eventOf({ endpoints: null }))],
  'old slices': ['watch', 'not-set', endlessly(() => lineOf('MODIFIED', sliceOf({}, { resourceVersion: '2' })))],
  'slices with new names': [
    'watch',
    'not-set',
    endlessly(() =>
      lineOf('ADDED', sliceOf({ endpoints: null }, { name: `${++version}`, resourceVersion: `${version}` })),
    ),
  ],
  'slices of 1 MiB': ['watch', 'not-set', endlessly(() => eventOf({ endpoints: null, x: ' '.repeat(1 << 20) }))],
  deletions: ['watch', 'not-set', endlessly(() => eventOf({}, 'DELETED'))],
  'one line that never ends': ['watch', 'not-set', endlessly(() => Buffer.alloc(16_000, 32))],
  expirations: ['watch', 'not-set', endlessly(() => lineOf('ERROR', { kind: 'Status', code: 410 }))],
}

test.each(Object.entries(floods))(
  'resolve ends in a flood of %s from the apiserver',
  (_name, [request, reason, flood]) =>
    bounded(async () => {
      const options = await startHostileApiserver(
        request === 'list' ? { onList: flood } : { onList: emptyList, onWatch: flood },
      )
      const events = new Recorder()
      // The time to receive 8 MiB differs from machine to machine.
      const times = reason === 'invalid-value' ? { attemptTimeoutMs: 50_000 } : { timeoutMs: 1500 }
      expect(await outcome(options.endpoints, { ...options, key: undefined, ...times }, events)).toBe(reason)
      expect(events.of('failed')).toHaveLength(1)
      // The backoff sets the pace of the attempts, and not the flood.
      expect(events.of('attempt').length).toBeLessThan(20)
    }),
)

const frames: Record<string, OnConnection> = {
  ...frameFloods(new SeededRandom(fuzzSeed)),
  'interim responses': every(() =>
    thousand(http2Frame(1, { id: 1, flags: 4, bytes: Buffer.from('08033130330a', 'hex') })),
  ),
  'pushed streams': every(() => http2Frame(5, { id: 1, flags: 4, bytes: Buffer.from('0000000282868441', 'hex') })),
}

test.each(Object.entries(frames))(
  `resolve ends with a known reason in a flood of %s below HTTP, with seed ${fuzzSeed}`,
  (_name, onConnection) =>
    bounded(async () => {
      const options = await startHostileTls(onConnection)
      const reason = await outcome(options.endpoints, { ...options, key: undefined, timeoutMs: 500 })
      expect(['timeout', 'unavailable', 'unreachable', 'rejected']).toContain(reason)
    }),
)
