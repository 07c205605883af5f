import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
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
import { parseOptions } from '../../src/call/config.ts'
import { resolve } from '../../src/resolve.ts'
import { VirtualClock } from '../support/clock.ts'
import { codeBlocks, read } from '../support/documents.ts'
import { FakeSource } from '../support/fake-source.ts'

/** Runs the example that imports `module`, then a call that has to wait and a call that does not. */
async function runExample(module: string): Promise<void> {
  const example = codeBlocks(read('docs/metrics.md'), 'ts').find((text) => text.includes(`from '${module}'`))
  // Beside this file, where the packages are found.
  const folder = mkdtempSync(join(import.meta.dirname, '.example-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'example.ts')
  writeFileSync(file, example ?? '')
  await import(file)

  const clock = new VirtualClock()
  const source = new FakeSource()
  const waiting = resolve(parseOptions({}, 'resolve'), clock, source)
  await clock.advance(1000)
  source.write('["a:1","b:1"]')
  await waiting

  const ready = new FakeSource()
  ready.write('["a:1"]')
  await resolve(parseOptions({}, 'resolve'), new VirtualClock(), ready)
}

test('the Prometheus example of docs/metrics.md counts retries and addresses', async () => {
  await runExample('prom-client')
  const text = await register.metrics()
  expect(text).toContain('apiserver_retries_total{reason="not-set"} 1\n')
  expect(text).toContain('apiserver_addresses 1\n')
})

test('the OpenTelemetry example of docs/metrics.md counts retries and waits', async () => {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  const provider = new MeterProvider({ readers: [new PeriodicExportingMetricReader({ exporter })] })
  metrics.setGlobalMeterProvider(provider)
  onTestFinished(() => metrics.disable())
  await runExample('@opentelemetry/api')
  await provider.shutdown()
  const [meter] = exporter.getMetrics()[0]?.scopeMetrics ?? []
  const [retries, wait] = meter?.metrics ?? []
  expect(retries).toMatchObject({
    descriptor: { name: 'apiserver.retries' },
    dataPoints: [{ attributes: { reason: 'not-set' }, value: 1 }],
  })
  expect(wait).toMatchObject({
    descriptor: { name: 'apiserver.wait', unit: 'ms' },
    dataPoints: [{ value: { count: 2 } }],
  })
})
