import { EventEmitter } from 'node:events'
import { Writable } from 'node:stream'
import util from 'node:util'
import { pino } from 'pino'
import { expect, onTestFinished, test, vi } from 'vitest'
import { parseOptions } from '../../../src/call/config.ts'
import { createEmit } from '../../../src/call/emit.ts'
import type { ApiserverAddressEvent } from '../../../src/events.ts'
import { resolve } from '../../../src/resolve.ts'
import { idle, VirtualClock } from '../../support/clock.ts'
import '../../support/preload.ts'
import { FakeSource } from '../../support/fake-source.ts'
import { Recorder } from '../../support/recorder.ts'
import { connected } from '../../support/sample-events.ts'
import { collectUncaught } from '../../support/uncaught.ts'

test('createEmit logs through a child of the logger that has the name of the package and the key', () => {
  const lines: unknown[] = []
  const stream = new Writable({ write: (line, _encoding, done) => (lines.push(JSON.parse(String(line))), done()) })
  const logger = pino({ level: 'debug', base: null, timestamp: false }, stream)
  createEmit(1, { subject: 'key' }, { events: undefined, onEvent: undefined, logger }, new VirtualClock())(connected)
  expect(lines).toMatchObject([{ name: 'rke2-apiserver-resolver', key: 'key', revision: '7' }])
})

test('createEmit writes nothing to stdout and stderr without a logger', async () => {
  const spies = [vi.spyOn(process.stdout, 'write'), vi.spyOn(process.stderr, 'write')]
  onTestFinished(() => spies.forEach((spy) => spy.mockRestore()))
  const source = new FakeSource()
  source.write('["a:1"]')
  await resolve(parseOptions({}, 'resolve'), new VirtualClock(), source)
  for (const spy of spies) expect(spy).not.toHaveBeenCalled()
})

test('createEmit emits frozen events in order, which are JSON-safe apart from their errors', async () => {
  const events = new EventEmitter()
  const seen: ApiserverAddressEvent[] = []
  events.emit = (type, event) => {
    expect(type).toBe(event.type)
    return seen.push(event) > 0
  }
  const source = new FakeSource()
  const clock = new VirtualClock()
  const call = resolve(parseOptions({ events }, 'resolve'), clock, source)
  await clock.advance(1000)
  source.write('["a:1"]')
  await call
  expect(seen.length).toBeGreaterThan(3)
  for (const event of seen) {
    expect(Object.isFrozen(event)).toBe(true)
    expect(Object.values(event).filter(Array.isArray).every(Object.isFrozen)).toBe(true)
    const { error: _error, ...rest } = { error: undefined, ...event }
    expect(JSON.parse(JSON.stringify(rest))).toEqual(
      Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined)),
    )
  }
})

test('onEvent receives the same events as the emitter, in the same order', async () => {
  const events = new Recorder()
  const received: ApiserverAddressEvent[] = []
  const source = new FakeSource()
  const clock = new VirtualClock()
  const onEvent = (event: ApiserverAddressEvent) => received.push(event)
  const call = resolve(parseOptions({ events: events.emitter, onEvent }, 'resolve'), clock, source)
  await clock.advance(1000)
  source.write('["a:1"]')
  await call
  expect(events.types).toEqual(['attempt', 'phase', 'retry', 'wake', 'resolved'])
  expect(received).toHaveLength(events.all.length)
  for (const [index, event] of received.entries()) expect(event).toBe(events.all[index])
})

test('an onEvent that throws changes no outcome, and its error is an uncaught exception', async () => {
  const uncaught = collectUncaught()
  const source = new FakeSource()
  source.write('["a:1"]')
  const onEvent = ({ type }: ApiserverAddressEvent) => {
    throw new Error(type)
  }
  await resolve(parseOptions({ onEvent }, 'resolve'), new VirtualClock(), source)
  await idle()
  expect(uncaught).toEqual([new Error('attempt'), new Error('resolved')])
})

test('a listener that throws changes no outcome, and its error is an uncaught exception', async () => {
  const uncaught = collectUncaught()
  const events = new EventEmitter()
  for (const type of ['attempt', 'phase', 'retry', 'wake', 'resolved']) {
    events.on(type, () => {
      throw new Error(type)
    })
  }
  const source = new FakeSource()
  const clock = new VirtualClock()
  const call = resolve(parseOptions({ events }, 'resolve'), clock, source)
  await clock.advance(1000)
  source.write('["a:1"]')
  expect(await call).toMatchObject({ addresses: ['a:1'] })
  await idle()
  expect(uncaught).toEqual(['attempt', 'phase', 'retry', 'wake', 'resolved'].map((type) => new Error(type)))
})

test('createEmit does not freeze the reason with which the caller aborts', async () => {
  const controller = new AbortController()
  const reason = ['shutdown']
  const config = parseOptions({ signal: controller.signal, onEvent: () => {} }, 'resolve')
  const result = resolve(config, new VirtualClock(), new FakeSource())
  controller.abort(reason)
  await expect(result).rejects.toBe(reason)
  expect(Object.isFrozen(reason)).toBe(false)
})

test('a reason of an abort that cannot be converted to a string changes no outcome', async () => {
  const controller = new AbortController()
  const reason = Object.assign(new Error('shutdown'), { name: Symbol('name') })
  const logger = pino({ level: 'silent' })
  const config = parseOptions({ signal: controller.signal, logger }, 'resolve')
  const result = resolve(config, new VirtualClock(), new FakeSource())
  controller.abort(reason)
  await expect(result).rejects.toBe(reason)
})

test('a debug log that throws changes no outcome, and its error is an uncaught exception', async () => {
  const uncaught = collectUncaught()
  const throwing = () => {
    throw new Error('stderr')
  }
  const spy = vi.spyOn(util, 'debuglog').mockReturnValue(Object.assign(throwing, { enabled: true }))
  onTestFinished(() => spy.mockRestore())
  const source = new FakeSource()
  source.write('["a:1"]')
  const result = resolve(parseOptions({}, 'resolve'), new VirtualClock(), source)
  expect(await result).toMatchObject({ addresses: ['a:1'] })
  await idle()
  expect(uncaught).toEqual([new Error('stderr'), new Error('stderr')])
})
