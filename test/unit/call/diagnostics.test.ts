import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { metrics } from '@opentelemetry/api'
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import { register } from 'prom-client'
import { expect, onTestFinished, test } from 'vitest'
import { parseOptions } from '../../../src/call/config.ts'
import type { DiagnosticsMessage } from '../../../src/index.ts'
import { resolve } from '../../../src/resolve.ts'
import { idle, VirtualClock } from '../../support/clock.ts'
import { Recorder } from '../../support/recorder.ts'
import { FakeSource } from '../../support/source.ts'
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
  return resolve(parseOptions(options, 'resolve'), new VirtualClock(), source.asSource())
}

test('the channel has what the emitter has, with the call and the key, frozen', async () => {
  const messages: DiagnosticsMessage[] = []
  const events = new Recorder()
  listen((message) => messages.push(message))
  await call({ events: events.emitter, key: 'some/key' })
  expect(messages.map(({ event }) => event)).toEqual(events.all)
  expect(events.types).toEqual(['attempt', 'resolved'])
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
  const uncaught = collectUncaught()
  listen(({ event }) => {
    throw new Error(event.type)
  })
  expect(await call({})).toMatchObject({ addresses: ['a:1'] })
  await idle()
  expect(uncaught).toEqual([new Error('attempt'), new Error('resolved')])
})

/** Runs the README's example that imports `module`, then a call that has to wait and a second one that has not. */
async function runBridge(module: string): Promise<void> {
  const readme = readFileSync(join(import.meta.dirname, '../../..', 'README.md'), 'utf8')
  const examples = [...readme.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, text = '']) => text)
  const example = examples.find((text) => text.includes(`from '${module}'`))
  // Beside this file, where the packages are found.
  const folder = mkdtempSync(join(import.meta.dirname, '.bridge-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  writeFileSync(join(folder, 'bridge.ts'), example ?? '')
  await import(join(folder, 'bridge.ts'))

  const clock = new VirtualClock()
  const source = new FakeSource()
  const waiting = resolve(parseOptions({}, 'resolve'), clock, source.asSource())
  await clock.advance(1000)
  source.write('["a:1","b:1"]')
  await waiting
  await call({})
}

test("the README's bridge to Prometheus counts", async () => {
  await runBridge('prom-client')
  const text = await register.metrics()
  expect(text).toContain('apiserver_retries_total{reason="not-set"} 1\n')
  expect(text).toContain('apiserver_addresses 1\n')
})

test("the README's bridge to OpenTelemetry counts", async () => {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  const provider = new MeterProvider({ readers: [new PeriodicExportingMetricReader({ exporter })] })
  metrics.setGlobalMeterProvider(provider)
  onTestFinished(() => metrics.disable())
  await runBridge('@opentelemetry/api')
  await provider.shutdown()
  const [controller] = exporter.getMetrics()[0]?.scopeMetrics ?? []
  const [retries, wait] = controller?.metrics ?? []
  expect(retries).toMatchObject({
    descriptor: { name: 'apiserver.retries' },
    dataPoints: [{ attributes: { reason: 'not-set' }, value: 1 }],
  })
  expect(wait).toMatchObject({
    descriptor: { name: 'apiserver.wait', unit: 'ms' },
    dataPoints: [{ value: { count: 2 } }],
  })
})
