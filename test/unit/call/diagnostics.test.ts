import { subscribe, tracingChannel, unsubscribe } from 'node:diagnostics_channel'
import type { TracingChannelSubscribers } from 'node:diagnostics_channel'
import { expect, onTestFinished, test } from 'vitest'
import { parseOptions } from '../../../src/call/config.ts'
import type { DiagnosticsMessage, ResolveTrace } from '../../../src/index.ts'
import { resolve } from '../../../src/resolve.ts'
import { idle, VirtualClock } from '../../support/clock.ts'
import { FakeSource } from '../../support/fake-source.ts'
import { Recorder } from '../../support/recorder.ts'
import { collectUncaught } from '../../support/uncaught.ts'

const name = 'rke2-apiserver-resolver'

function listen(listener: (message: DiagnosticsMessage) => void): void {
  const subscriber = (message: unknown) => listener(message as DiagnosticsMessage)
  subscribe(name, subscriber)
  onTestFinished(() => void unsubscribe(name, subscriber))
}

const call = (options: object) => {
  const source = new FakeSource()
  source.write('["a:1"]')
  return resolve(parseOptions(options, 'resolve'), new VirtualClock(), source)
}

test('the diagnostics channel has the events of the emitter, with the call and the key, frozen', async () => {
  const messages: DiagnosticsMessage[] = []
  const events = new Recorder()
  listen((message) => messages.push(message))
  await call({ events: events.emitter })
  expect(messages.map(({ event }) => event)).toEqual(events.all)
  expect(events.types).toEqual(['attempt', 'resolved'])
  for (const message of messages) {
    expect(message).toMatchObject({ call: messages[0]?.call, key: 'rke2/apiaddresses' })
    expect(Object.isFrozen(message)).toBe(true)
  }
})

test('the diagnostics channel has a number of its own for each call, also for calls of one key at the same time', async () => {
  const types = new Map<number, string[]>()
  listen(({ call: id, event }) => types.set(id, [...(types.get(id) ?? []), event.type]))
  await Promise.all([call({}), call({})])
  expect([...types.values()]).toEqual([
    ['attempt', 'resolved'],
    ['attempt', 'resolved'],
  ])
})

test('a subscriber of the diagnostics channel that throws changes no outcome, and its error is an uncaught exception', async () => {
  const uncaught = collectUncaught()
  listen(({ event }) => {
    throw new Error(event.type)
  })
  expect(await call({})).toMatchObject({ addresses: ['a:1'] })
  await idle()
  expect(uncaught).toEqual([new Error('attempt'), new Error('resolved')])
})

/** Records the spans of all calls until the end of the test. */
function traceCalls(): [string, ResolveTrace][] {
  const spans: [string, ResolveTrace][] = []
  const note = (stage: string) => (message: object) => void spans.push([stage, { ...message } as ResolveTrace])
  const subscribers: TracingChannelSubscribers<object> = {
    start: note('start'),
    end: note('end'),
    asyncStart: note('asyncStart'),
    asyncEnd: note('asyncEnd'),
    error: note('error'),
  }
  const traces = tracingChannel<object>('rke2-apiserver-resolver:resolve')
  traces.subscribe(subscribers)
  onTestFinished(() => traces.unsubscribe(subscribers))
  return spans
}

test('the tracing channel has a span for a call, which ends with its result', async () => {
  const spans = traceCalls()
  const messages: DiagnosticsMessage[] = []
  listen((message) => messages.push(message))
  const result = await call({})
  const number = messages[0]?.call
  expect(spans).toEqual([
    ['start', { call: number }],
    ['end', { call: number }],
    ['asyncStart', { call: number, result }],
    ['asyncEnd', { call: number, result }],
  ])
})

test('the span of a call that fails has the error that the call rejects with', async () => {
  const spans = traceCalls()
  const error = await resolve(
    parseOptions({ retry: { maxAttempts: 1 } }, 'resolve'),
    new VirtualClock(),
    new FakeSource(),
  ).catch((reason: unknown) => reason)
  expect(spans.map(([stage]) => stage)).toEqual(['start', 'end', 'error', 'asyncStart', 'asyncEnd'])
  expect(spans.at(-1)?.[1].error).toBe(error)
})
