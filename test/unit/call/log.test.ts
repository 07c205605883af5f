import { Writable } from 'node:stream'
import { pino } from 'pino'
import { expect, test } from 'vitest'
import { parseOptions } from '../../../src/call/config.ts'
import { describe } from '../../../src/call/describe.ts'
import { EventLog } from '../../../src/call/log.ts'
import { ApiserverAddressError } from '../../../src/errors.ts'
import type { ApiserverAddressEvent } from '../../../src/events.ts'
import { resolve } from '../../../src/resolve.ts'
import { Failure } from '../../../src/sources/failure.ts'
import { idle, VirtualClock } from '../../support/clock.ts'
import '../../support/preload.ts'
import {
  alive,
  attempt,
  changed,
  connected,
  dead,
  disconnected,
  held,
  ignored,
  incomplete,
  phase,
  resolved,
  resynced,
  retry,
} from '../../support/sample-events.ts'
import { FakeSource } from '../../support/source.ts'

const [debug, info, warn, error] = [20, 30, 40, 50]

function logging() {
  const lines: Record<string, unknown>[] = []
  const stream = new Writable({ write: (line, _encoding, done) => (lines.push(JSON.parse(String(line))), done()) })
  const logger = pino({ level: 'debug', base: null, timestamp: false }, stream)
  return { lines, logger, log: new EventLog(logger) }
}

const list = { addresses: ['a:1', 'b:1'], revision: '7' }
const failure = new ApiserverAddressError('rke2/apiaddresses: timed out', {
  code: 'DEADLINE_EXCEEDED',
  reason: 'unreachable',
  attempts: 2,
  elapsedMs: 40,
  cause: new Error('refused'),
})

test.for<[ApiserverAddressEvent, number, object]>([
  [attempt(1), debug, { attempt: 1 }],
  [
    phase({ hint: 'check it', missing: ['a'] }),
    info,
    { reason: 'unreachable', elapsedMs: 0, hint: 'check it', missing: ['a'] },
  ],
  [phase({ reason: 'rejected', previous: 'timeout' }), warn, { reason: 'rejected', previous: 'timeout', elapsedMs: 0 }],
  [
    retry({ missing: ['a'] }),
    debug,
    { attempt: 1, reason: 'unreachable', delayMs: 1500, watching: false, remainingMs: null },
  ],
  [{ type: 'probed', probes: [alive, dead] }, debug, { probes: [alive, dead] }],
  [{ type: 'probed', probes: [alive], unverified: 'ca.crt' }, debug, { probes: [alive], unverified: 'ca.crt' }],
  [{ type: 'wake', cause: 'connected' }, debug, { cause: 'connected' }],
  [{ type: 'wake', cause: 'key-changed' }, debug, { cause: 'key-changed' }],
  [resolved(), info, { ...list, attempts: 2, elapsedMs: 40 }],
  [resolved({ probes: [alive, dead] }), info, { ...list, attempts: 2, elapsedMs: 40, dead: [dead] }],
  [
    { type: 'failed', error: failure },
    error,
    { code: 'DEADLINE_EXCEEDED', reason: 'unreachable', attempts: 2, elapsedMs: 40 },
  ],
  [{ type: 'aborted', reason: new Error('shut\ndown') }, info, {}],
  [connected, debug, { revision: '7' }],
  [disconnected, info, {}],
  [resynced, warn, { revision: '3' }],
  [changed({ added: ['b:1'] }), info, { ...list, added: ['b:1'], removed: [] }],
  [held, info, { missing: ['b:1'], untilMs: 3000 }],
  [ignored, warn, { reason: 'not-set', revision: '8' }],
  [{ type: 'closed' }, debug, {}],
])('EventLog logs the text of the event with its level and its fields: %o', ([event, level, fields]) => {
  const { lines, log } = logging()
  log.write(event)
  expect(lines).toEqual([{ level, msg: describe(event), ...fields }])
})

test('EventLog logs a start at info: a line per phase, a line per list that is not complete, and the end', async () => {
  const { lines, logger } = logging()
  const source = new FakeSource()
  const clock = new VirtualClock()
  source.fail(new Failure('unreachable', 'https://fake:2379: etcd cannot be reached'))
  const tls = { caFile: 'ca.crt', certFile: 'client.crt', keyFile: 'client.key' }
  const call = resolve(parseOptions({ logger, tls, minAddresses: 2 }, 'resolve'), clock, source.asSource())
  await clock.advance(5000)
  source.fail(undefined)
  await clock.advance(5000)
  source.write('["a:1"]')
  await idle()
  source.write('["b:1"]')
  await idle()
  source.write('["b:1"]')
  await idle()
  source.write('["a:1","b:1"]')
  const { attempts } = await call
  expect(lines.filter(({ level }) => Number(level) > debug).map(({ level, msg }) => [level, msg])).toEqual([
    [info, 'waiting for etcd: https://fake:2379: etcd cannot be reached'],
    [info, 'waiting for the key: https://fake:2379: the key does not exist yet'],
    [info, 'waiting for the full set of apiservers: https://fake:2379: the list has 1 of at least 2 addresses: a:1'],
    [info, 'waiting for the full set of apiservers: https://fake:2379: the list has 1 of at least 2 addresses: b:1'],
    [info, `found 2 apiservers in ${attempts} attempts`],
  ])
  expect(lines.filter(({ msg }) => msg === 'reading the key').length).toBe(source.reads)
  for (const line of lines) expect(line).toMatchObject({ name: 'rke2-apiserver-resolver', key: 'rke2/apiaddresses' })
})

test('EventLog logs a phase that is not part of a normal start at warn, and the error that it leads to at error', async () => {
  const { lines, logger } = logging()
  const source = new FakeSource()
  source.write('rubbish')
  const call = resolve(parseOptions({ logger }, 'resolve'), new VirtualClock(), source.asSource())
  await expect(call).rejects.toThrow('the value is not JSON')
  expect(lines.filter(({ level }) => Number(level) > debug)).toMatchObject([
    { level: warn, reason: 'invalid-value', msg: "https://fake:2379: the value is not JSON: 'rubbish'" },
    { level: error, code: 'REJECTED', reason: 'invalid-value', attempts: 1 },
  ])
})

test('EventLog logs a new message of an incomplete list at info, with what is missing, and each retry at debug', () => {
  const { lines, log } = logging()
  log.write(phase({ reason: 'incomplete', message: 'the list has 1 of 3' }))
  for (const message of ['the list has 1 of 3', 'the list has 2 of 3', 'the list has 2 of 3']) {
    log.write(incomplete(message, { missing: ['c'] }))
  }
  expect(lines.map(({ level }) => level)).toEqual([info, debug, info, debug, debug])
  expect(lines[2]).toEqual({
    level: info,
    reason: 'incomplete',
    missing: ['c'],
    msg: 'waiting for the full set of apiservers: the list has 2 of 3',
  })
})

test('EventLog logs the end of an outage at info like its start, and other connections at debug', () => {
  const { lines, log } = logging()
  log.write(connected)
  log.write(disconnected)
  log.write(phase({ message: 'etcd cannot be reached' }))
  log.write(connected)
  log.write(connected)
  expect(lines.map(({ level, msg }) => [level, msg])).toEqual([
    [debug, 'the watch follows the key'],
    [info, 'the watch was interrupted, the last list stays'],
    [info, 'waiting for etcd: etcd cannot be reached'],
    [info, 'the watch follows the key'],
    [debug, 'the watch follows the key'],
  ])
})

test('EventLog logs one line when a message contains a line feed and JSON', () => {
  const { lines, log } = logging()
  log.write(phase({ message: 'a\n{"level":60}' }))
  expect(lines).toHaveLength(1)
})

test('EventLog logs one line when the caller aborts with a text that contains a line feed', () => {
  const { lines, log } = logging()
  log.write({ type: 'aborted', reason: 'a\nb' })
  expect(lines.map(({ msg }) => msg)).toEqual(['aborted: a b'])
})
