import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { expect, onTestFinished, test } from 'vitest'
import { parseOptions } from '../../../src/call/config.ts'
import type { DiagnosticsMessage } from '../../../src/index.ts'
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
