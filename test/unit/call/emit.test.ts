import { EventEmitter } from 'node:events'
import { Writable } from 'node:stream'
import { pino } from 'pino'
import type { Logger } from 'pino'
import { expect, onTestFinished, test, vi } from 'vitest'
import { parseOptions } from '../../../src/call/config.ts'
import { createEmit } from '../../../src/call/emit.ts'
import type { ApiserverAddressEvent } from '../../../src/events.ts'
import { resolve } from '../../../src/resolve.ts'
import { Failure } from '../../../src/sources/reasons.ts'
import { Watch } from '../../../src/watch.ts'
import { idle, VirtualClock } from '../../support/clock.ts'
import '../../support/preload.ts'
import { FakeSource } from '../../support/source.ts'
import { collectUncaught } from '../../support/uncaught.ts'

function logging() {
  const lines: Record<string, unknown>[] = []
  const stream = new Writable({ write: (line, _encoding, done) => (lines.push(JSON.parse(String(line))), done()) })
  return { lines, logger: pino({ level: 'debug', base: null, timestamp: false }, stream) }
}

test('a start-up is told in one info line for each phase, each list that is not complete, and the end, with attempts at debug', async () => {
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
  await call
  expect(lines.filter(({ level }) => Number(level) > 20).map(({ level, msg }) => [level, msg])).toEqual([
    [30, 'waiting for etcd: https://fake:2379: etcd cannot be reached'],
    [30, 'waiting for the key: https://fake:2379: the key does not exist yet'],
    [30, 'waiting for the full set of apiservers: https://fake:2379: the list has 1 of at least 2 addresses: a:1'],
    [30, 'waiting for the full set of apiservers: https://fake:2379: the list has 1 of at least 2 addresses: b:1'],
    [30, 'found 2 apiservers'],
  ])
  expect(lines.filter(({ msg }) => msg === 'reading the key').length).toBe(source.reads)
  for (const line of lines) expect(line).toMatchObject({ name: 'rke2-apiserver-resolver', key: 'rke2/apiaddresses' })
})

test('what is no part of a start-up is a warning, and the end of it an error', async () => {
  const { lines, logger } = logging()
  const source = new FakeSource()
  source.write('rubbish')
  const call = resolve(parseOptions({ logger }, 'resolve'), new VirtualClock(), source.asSource())
  await expect(call).rejects.toThrow('the value is not JSON')
  expect(lines.filter(({ level }) => Number(level) > 20)).toMatchObject([
    { level: 40, reason: 'invalid-value', msg: "https://fake:2379: the value is not JSON: 'rubbish'" },
    { level: 50, code: 'REJECTED', reason: 'invalid-value', attempts: 1 },
  ])
})

test('whoever is told that etcd is lost is told, on the same level, that it is back', () => {
  const { lines, logger } = logging()
  const report = createEmit('key', undefined, logger)
  report({ type: 'connected', revision: '7' })
  report({ type: 'disconnected', error: new Error('etcd cannot be reached') })
  report({ type: 'phase', reason: 'unreachable', previous: undefined, elapsedMs: 0, message: 'etcd cannot be reached' })
  report({ type: 'connected', revision: '8' })
  report({ type: 'connected', revision: '9' })
  expect(lines.map(({ level, msg }) => [level, msg])).toEqual([
    [20, 'following the key'],
    [30, 'lost etcd, the last list stays: etcd cannot be reached'],
    [30, 'waiting for etcd: etcd cannot be reached'],
    [30, 'following the key again'],
    [20, 'following the key'],
  ])
})

const list = { addresses: ['a:1', 'b:1'], urls: ['https://a:1', 'https://b:1'], revision: '7' }
const alive = { address: 'a:1', state: 'alive', latencyMs: 3, verified: false } as const
const dead = { address: 'b:1', state: 'dead', latencyMs: 1, cause: 'connect ECONNREFUSED' } as const

test.each<[ApiserverAddressEvent, number, string, object]>([
  [{ type: 'wake', cause: 'connected' }, 20, 'etcd came alive', { cause: 'connected' }],
  [{ type: 'wake', cause: 'key-changed' }, 20, 'the key was written', { cause: 'key-changed' }],
  [{ type: 'probed', probes: [alive, dead] }, 20, '1 of 2 apiservers are alive', { probes: [alive, dead] }],
  [
    { type: 'probed', probes: [alive], unverified: 'ca.crt cannot be used' },
    20,
    '1 of 1 apiservers are alive; their certificates are not checked: ca.crt cannot be used',
    { probes: [alive], unverified: 'ca.crt cannot be used' },
  ],
  [
    { type: 'resolved', ...list, probes: [alive, dead], attempts: 2, elapsedMs: 40 },
    30,
    'found 2 apiservers, 1 dead, their certificates not checked',
    { addresses: list.addresses, revision: '7', attempts: 2, elapsedMs: 40, dead: [dead] },
  ],
  [{ type: 'aborted', reason: new Error('shut\ndown') }, 30, "ended by the caller's signal: Error: shut down", {}],
  [{ type: 'resynced', revision: '3' }, 40, "etcd's history was replaced, following the new one", { revision: '3' }],
  [
    { type: 'changed', ...list, added: ['b:1'], removed: [] },
    30,
    'the apiservers changed: 1 added, 0 removed',
    { addresses: list.addresses, revision: '7', added: ['b:1'], removed: [] },
  ],
  [
    { type: 'held', missing: ['b:1'], untilMs: 3000 },
    30,
    'a shorter list is held back',
    { missing: ['b:1'], untilMs: 3000 },
  ],
  [
    { type: 'ignored', reason: 'not-set', revision: '8' },
    40,
    'an unusable value is ignored, the last list stays',
    { reason: 'not-set', revision: '8' },
  ],
  [{ type: 'closed' }, 20, 'the watch is closed', {}],
])('%o is logged in words, with the figures beside them', (event, level, msg, fields) => {
  const { lines, logger } = logging()
  createEmit('key', undefined, logger)(event)
  expect(lines).toEqual([{ level, name: 'rke2-apiserver-resolver', key: 'key', msg, ...fields }])
})

test('without a logger there is silence', async () => {
  const spies = [vi.spyOn(process.stdout, 'write'), vi.spyOn(process.stderr, 'write')]
  onTestFinished(() => spies.forEach((spy) => spy.mockRestore()))
  const source = new FakeSource()
  source.write('["a:1"]')
  await resolve(parseOptions({}, 'resolve'), new VirtualClock(), source.asSource())
  for (const spy of spies) expect(spy).not.toHaveBeenCalled()
})

test('events are frozen, in order, and JSON-safe apart from their errors', async () => {
  const events = new EventEmitter()
  const seen: ApiserverAddressEvent[] = []
  events.emit = (type, event) => {
    expect(type).toBe(event.type)
    return seen.push(event) > 0
  }
  const source = new FakeSource()
  const clock = new VirtualClock()
  const call = resolve(parseOptions({ events }, 'resolve'), clock, source.asSource())
  await clock.advance(1000)
  source.write('["a:1"]')
  await call
  expect(seen.length).toBeGreaterThan(3)
  for (const event of seen) {
    expect(Object.isFrozen(event)).toBe(true)
    const { error: _error, ...rest } = { error: undefined, ...event }
    expect(JSON.parse(JSON.stringify(rest))).toEqual(
      Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined)),
    )
  }
})

test('a listener that throws changes no outcome, and its error surfaces on its own', async () => {
  const uncaught = collectUncaught()
  const events = new EventEmitter()
  for (const type of ['attempt', 'phase', 'retry', 'wake', 'resolved']) {
    events.on(type, () => {
      throw new Error(type)
    })
  }
  const source = new FakeSource()
  const clock = new VirtualClock()
  const call = resolve(parseOptions({ events }, 'resolve'), clock, source.asSource())
  await clock.advance(1000)
  source.write('["a:1"]')
  expect(await call).toMatchObject({ addresses: ['a:1'] })
  await idle()
  expect(uncaught).toEqual(['attempt', 'phase', 'retry', 'wake', 'resolved'].map((type) => new Error(type)))
})

test('nor does a logger that makes no child', async () => {
  const uncaught = collectUncaught()
  const source = new FakeSource()
  source.write('["a:1"]')
  const child = () => {
    throw new Error('no child')
  }
  const logger = { ...logging().logger, child } as unknown as Logger
  const watch = new Watch(parseOptions({ logger }, 'watch'), new VirtualClock(), source.asSource())
  expect((await watch.next()).value).toMatchObject({ addresses: ['a:1'] })
  await watch.close()
  expect(uncaught).toEqual([new Error('no child')])
})

test('a line cannot be forged by what is told', () => {
  const { lines, logger } = logging()
  const report = createEmit('key', undefined, logger)
  report({ type: 'phase', reason: 'unreachable', previous: undefined, elapsedMs: 0, message: 'a\n{"level":60}' })
  expect(lines).toHaveLength(1)
})

test('whatever the caller aborts with is logged on one line', () => {
  const { lines, logger } = logging()
  const report = createEmit('key', undefined, logger)
  for (const reason of [
    'a\nb',
    new Error('a\nb'),
    Object.create(null),
    { toString: () => expect.fail() },
    Symbol('a'),
    null,
  ]) {
    report({ type: 'aborted', reason })
  }
  const texts = [
    'a b',
    'Error: a b',
    '[Object: null prototype] {}',
    '{ toString: [Function: toString] }',
    'Symbol(a)',
    'null',
  ]
  expect(lines.map(({ msg }) => msg)).toEqual(texts.map((text) => `ended by the caller's signal: ${text}`))
})
