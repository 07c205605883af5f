import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { EventEmitter } from 'node:events'
import { expect, onTestFinished, test } from 'vitest'
import type { ApiserverAddressEvent, DiagnosticsMessage } from '../src/index.ts'
import { parseOptions } from '../src/options.ts'
import { resolve } from '../src/resolve.ts'
import { VirtualClock, idle } from './support/clock.ts'
import { FakeSource } from './support/source.ts'

const name = 'rke2-apiserver-resolver'

function listen(listener: (message: DiagnosticsMessage) => void): void {
  const subscriber = (message: unknown) => listener(message as DiagnosticsMessage)
  subscribe(name, subscriber)
  onTestFinished(() => void unsubscribe(name, subscriber))
}

const call = (options: object) => {
  const source = new FakeSource()
  source.write('["a:1"]')
  return resolve(parseOptions(options, 'resolve'), new VirtualClock(), source.asSource())
}

test('the channel has what the emitter has, with the call and the key, frozen', async () => {
  const messages: DiagnosticsMessage[] = []
  const emitted: ApiserverAddressEvent[] = []
  listen((message) => messages.push(message))
  const events = new EventEmitter()
  events.emit = (_type, event) => emitted.push(event) > 0
  await call({ events, key: 'some/key' })
  expect(messages.map(({ event }) => event)).toEqual(emitted)
  expect(emitted.map(({ type }) => type)).toEqual(['attempt', 'resolved'])
  for (const message of messages) {
    expect(message).toMatchObject({ call: messages[0]?.call, key: 'some/key' })
    expect(Object.isFrozen(message)).toBe(true)
  }
})

test('calls of the same key at the same time are told apart', async () => {
  const types = new Map<number, string[]>()
  listen(({ call: id, event }) => types.set(id, [...(types.get(id) ?? []), event.type]))
  await Promise.all([call({}), call({})])
  expect([...types.values()]).toEqual([
    ['attempt', 'resolved'],
    ['attempt', 'resolved'],
  ])
})

test('a subscriber that throws changes no outcome, and its error surfaces on its own', async () => {
  const listeners = process.listeners('uncaughtException')
  process.removeAllListeners('uncaughtException')
  const uncaught: unknown[] = []
  process.on('uncaughtException', (error) => uncaught.push(error))
  onTestFinished(() => {
    process.removeAllListeners('uncaughtException')
    for (const listener of listeners) process.on('uncaughtException', listener)
  })
  listen(({ event }) => {
    throw new Error(event.type)
  })
  expect(await call({})).toMatchObject({ addresses: ['a:1'] })
  await idle()
  expect(uncaught).toEqual([new Error('attempt'), new Error('resolved')])
})
