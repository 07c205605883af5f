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
import { FakeSource } from '../../support/fake-source.ts'
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
import { SourceTraits } from '../../support/source-traits.ts'

const [debug, info, warn, error] = [20, 30, 40, 50]

function logging() {
  const lines: Record<string, unknown>[] = []
  const stream = new Writable({ write: (line, _encoding, done) => (lines.push(JSON.parse(String(line))), done()) })
  const logger = pino({ level: 'debug', base: null, timestamp: false }, stream)
  const clock = new VirtualClock()
  return { lines, logger, clock, log: new EventLog(logger, clock, new SourceTraits()) }
}

const key = 'rke2/apiaddresses'
const list = { addresses: ['a:1', 'b:1'], revision: '7' }
const failure = new ApiserverAddressError('rke2/apiaddresses: timed out', {
  code: 'DEADLINE_EXCEEDED',
  reason: 'unreachable',
  attempts: 2,
  elapsedMs: 40,
  cause: new Error('refused'),
})

test.for<[ApiserverAddressEvent, number, object]>([
  [attempt(1), debug, { attempt: 1, source: 'etcd' }],
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
  [resolved(), info, { ...list, source: 'etcd', attempts: 2, elapsedMs: 40 }],
  [resolved({ probes: [alive, dead] }), info, { ...list, source: 'etcd', attempts: 2, elapsedMs: 40, dead: [dead] }],
  [
    { type: 'failed', error: failure },
    error,
    { code: 'DEADLINE_EXCEEDED', reason: 'unreachable', attempts: 2, elapsedMs: 40 },
  ],
  [{ type: 'aborted', reason: new Error('shut\ndown') }, info, {}],
  [connected, debug, { revision: '7' }],
  [disconnected, debug, {}],
  [resynced, warn, { revision: '3' }],
  [changed({ added: ['b:1'] }), info, { ...list, added: ['b:1'], removed: [] }],
  [held, info, { missing: ['b:1'], untilMs: 3000 }],
  [ignored, warn, { reason: 'not-set', revision: '8' }],
  [{ type: 'closed' }, debug, {}],
])('EventLog logs the text of the event with its level and its fields: %o', ([event, level, fields]) => {
  const { lines, log } = logging()
  log.write(event)
  expect(lines).toEqual([{ level, key, msg: describe(event), ...fields }])
})

test('EventLog logs a start at info: a line per phase, a line per list that is not complete, and the end', async () => {
  const { lines, logger } = logging()
  const source = new FakeSource()
  const clock = new VirtualClock()
  source.fail(new Failure('unreachable', 'https://fake:2379: etcd cannot be reached'))
  const tls = { caFile: 'ca.crt', certFile: 'client.crt', keyFile: 'client.key' }
  const call = resolve(parseOptions({ logger, tls, minAddresses: 2 }, 'resolve'), clock, source)
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
  expect(lines.filter(({ msg }) => msg === 'reading the list').length).toBe(source.reads)
  for (const line of lines) expect(line).toMatchObject({ name: 'rke2-apiserver-resolver', key: 'rke2/apiaddresses' })
})

test('EventLog logs a phase that is not part of a normal start at warn, and the error that it leads to at error', async () => {
  const { lines, logger } = logging()
  const source = new FakeSource()
  source.write('rubbish')
  const call = resolve(parseOptions({ logger }, 'resolve'), new VirtualClock(), source)
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
    key,
    reason: 'incomplete',
    missing: ['c'],
    msg: 'waiting for the full set of apiservers: the list has 2 of 3',
  })
})

test('EventLog logs one line for the loss of a watch, and one for its end with the length of the outage', async () => {
  const { lines, log, clock } = logging()
  for (const event of [resolved(), connected, disconnected, phase({ message: 'refused' }), retry()]) log.write(event)
  await clock.advance(4200)
  log.write(connected)
  log.write(connected)
  expect(lines.map(({ level, msg }) => [level, msg])).toEqual([
    [info, 'found 2 apiservers in 2 attempts'],
    [debug, 'the watch follows the list'],
    [debug, 'the watch was interrupted'],
    [info, 'waiting for etcd, the last list stays: refused'],
    [debug, 'waiting for etcd, next read in 1.5 s: https://127.0.0.1:2379: etcd cannot be reached'],
    [info, 'the watch follows the list, after an outage of 4.2 s'],
    [debug, 'the watch follows the list'],
  ])
  expect(lines[5]).toMatchObject({ revision: '7', outageMs: 4200 })
  expect(clock.sleeping).toBe(0)
})

test('EventLog logs an outage of 10 s at warn once, with what the watch waits for by then', async () => {
  const { lines, log, clock } = logging()
  for (const event of [resolved(), connected, disconnected, phase({ message: 'refused' })]) log.write(event)
  await clock.advance(9000)
  log.write(phase({ reason: 'timeout', previous: 'unreachable', message: 'no answer', hint: 'is the disk slow?' }))
  await clock.advance(999)
  expect(lines.filter(({ level }) => level === warn)).toEqual([])
  await clock.advance(60_000)
  log.write(connected)
  expect(lines.filter(({ level }) => Number(level) > debug).slice(1)).toMatchObject([
    { level: info, msg: 'waiting for etcd, the last list stays: refused' },
    { level: info, msg: 'waiting for an answer of etcd, the last list stays: no answer; is the disk slow?' },
    {
      level: warn,
      msg: 'still waiting for an answer of etcd after 10.0 s, the last list stays: no answer; is the disk slow?',
      reason: 'timeout',
      elapsedMs: 10_000,
    },
    { level: info, msg: 'the watch follows the list, after an outage of 70.0 s', outageMs: 69_999 },
  ])
})

test('EventLog logs a second outage of 10 s at warn, too', async () => {
  const { lines, log, clock } = logging()
  log.write(resolved())
  for (let i = 0; i < 2; i++) {
    for (const event of [connected, disconnected, phase()]) log.write(event)
    await clock.advance(20_000)
  }
  expect(lines.filter(({ level }) => level === warn)).toHaveLength(2)
})

test('EventLog logs the loss of the quorum at warn at once in a watch that has a list, and once in an outage', () => {
  const { lines, log } = logging()
  const noLeader = phase({ reason: 'no-leader', message: 'no leader' })
  for (const event of [noLeader, resolved(), connected, disconnected, noLeader, phase(), noLeader]) log.write(event)
  expect(lines.filter(({ reason }) => reason === 'no-leader').map(({ level, msg }) => [level, msg])).toEqual([
    [info, "waiting for etcd's quorum: no leader"],
    [warn, "waiting for etcd's quorum, the last list stays: no leader"],
    [info, "waiting for etcd's quorum, the last list stays: no leader"],
  ])
})

test.for<ApiserverAddressEvent>([
  { type: 'failed', error: failure },
  { type: 'aborted', reason: 'SIGTERM' },
  { type: 'closed' },
])('EventLog leaves no timer when a watch ends during an outage: %o', (end) => {
  const { log, clock } = logging()
  for (const event of [resolved(), connected, disconnected, phase()]) log.write(event)
  expect(clock.sleeping).toBe(1)
  log.write(end)
  expect(clock.sleeping).toBe(0)
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
