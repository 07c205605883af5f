import { expect, test } from 'vitest'
import { watchApiserverAddresses } from '../../../../src/index.ts'
import {
  answer,
  controlCharacters,
  created,
  emptyList,
  event,
  frame,
  header,
  keyValue,
  megabytes,
  message,
  refusal,
  startHostileEtcd,
  writes,
} from '../../../support/hostile-etcd.ts'
import type { Field } from '../../../support/hostile-etcd.ts'
import type { Answer } from '../../../support/hostile-http2.ts'
import { bounded, expectTexts, outcome } from '../../../support/hostile-outcome.ts'
import { expectNoLeaks } from '../../../support/no-leaks.ts'
import '../../../support/preload.ts'
import { Recorder } from '../../../support/recorder.ts'

expectNoLeaks()

const one = '10.0.0.11:6443'
const two = '10.0.0.12:6443'
/** The event that brings the second list. */
const second = frame(event({ value: `["${two}"]`, modRevision: 11n }))
const cancelled = (...fields: readonly Field[]) => frame(message([1, header()], [4, 1n], ...fields))

/** Responses to a watch, with the result of a call that waits for a list, and the lists of a watch that has one. */
const responses: Record<string, readonly [resolved: string, watched: readonly string[], Answer]> = {
  'the responses of etcd': [two, [one, two], writes(frame(created), second)],
  'an event before the created response': [two, [one, two], writes(second, frame(created))],
  'an event without a created response': ['not-set', [one], writes(second)],
  'two created responses': [two, [one, two], writes(frame(created), frame(created), second)],
  'a created response without a header': [two, [one, two], writes(frame(message([3, 1n])), second)],
  'an event without a header': [
    'not-set',
    [one],
    writes(frame(created), frame(message([11, message([2, keyValue({ modRevision: 11n })])]))),
  ],
  'an event without a key': ['not-set', [one], writes(frame(created), frame(message([1, header()], [11, ''])))],
  'an event with revision -1': ['not-set', [one], writes(frame(created), frame(event({ modRevision: -1n })))],
  'an event of an unknown type': [
    two,
    [one, two],
    writes(
      frame(created),
      frame(
        message([1, header(11n)], [11, message([1, 7n], [2, keyValue({ value: `["${two}"]`, modRevision: 11n })])]),
      ),
    ),
  ],
  'an event older than the list': [
    'not-set',
    [one],
    writes(frame(created), frame(event({ value: `["${two}"]`, modRevision: 2n }, 2n))),
  ],
  'a cancellation whose reason has control characters': [
    'not-set',
    [one],
    writes(frame(created), cancelled([6, controlCharacters])),
  ],
  'a cancellation whose reason is 3 MiB long': [
    'not-set',
    [one],
    writes(frame(created), cancelled([6, megabytes(3, ' ')])),
  ],
  'a cancellation with compact_revision -1': ['not-set', [one], writes(frame(created), cancelled([5, -1n]))],
  'a message of invalid bytes': ['not-set', [one], writes(frame(created), frame(Buffer.alloc(8, 0xff)))],
  'a length of 4 GiB': ['not-set', [one], writes(frame(created), frame(Buffer.alloc(1), { length: 2 ** 32 - 1 }))],
  'the end of the stream': ['not-set', [one], answer(frame(created))],
  'a status text with control characters': ['not-set', [one], refusal('14', encodeURI(controlCharacters))],
}

const rows = Object.entries(responses).map(([name, [resolved, watched, onWatch]]) => ({
  name,
  resolved,
  watched,
  onWatch,
}))

test.each(rows)('resolve ends with $resolved when its watch gets $name', ({ resolved, onWatch }) =>
  bounded(async () => {
    const endpoint = await startHostileEtcd({ onRange: emptyList, onWatch })
    const retry = { maxAttempts: 3, initialDelayMs: 1 }
    expect(await outcome(endpoint, { timeoutMs: resolved === two ? 20_000 : 1000, retry })).toBe(resolved)
  }),
)

test.each(rows)('watch yields $watched when it gets $name', ({ watched, onWatch }) =>
  bounded(async () => {
    const events = new Recorder()
    const options = { key: 'key', events: events.emitter, shrinkDelayMs: 0, retry: { initialDelayMs: 10 } }
    const watch = watchApiserverAddresses({ endpoints: await startHostileEtcd({ onWatch }), ...options })
    const lists: string[] = []
    let timer: NodeJS.Timeout | undefined
    const close = () => void watch.close()
    for await (const { addresses } of watch) {
      lists.push(addresses.join())
      if (lists.length > 1) break
      if (watched.length > 1) continue
      // No second list follows: three more attempts, or half a second with a silent stream, are enough to see that.
      void events.until('attempt', () => events.of('attempt').length > 3).then(close)
      timer = setTimeout(close, 500)
    }
    clearTimeout(timer)
    expectTexts(events)
    expect(lists).toEqual(watched)
  }),
)
