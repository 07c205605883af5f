import { loadYaml } from '@kubernetes/client-node'
import { metrics, trace } from '@opentelemetry/api'
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import { Registry } from 'prom-client'
import { expect, onTestFinished, test } from 'vitest'
import { addApiserverMetrics } from '../../examples/node-agent/metrics.ts'
import { addApiserverMeter, traceApiserverCalls } from '../../examples/node-agent/opentelemetry.ts'
import { createFakeApiservers } from '../../src/testing.ts'
import type { FakeApiservers } from '../../src/testing.ts'
import { codeSpans, read, rows } from '../support/documents.ts'

const table = rows(read('docs/metrics.md')).map((cells) => cells.map((cell) => codeSpans(cell)[0] ?? ''))
const key = 'rke2/apiaddresses'

/** A watch that waits, gets a list with a dead apiserver, and follows it; an outage; the list grows, and the new one is probed; the watch ends. */
async function live(at: {
  readonly waiting: () => Promise<void>
  readonly following: () => Promise<void>
  readonly outage: () => Promise<void>
}): Promise<FakeApiservers> {
  const fake = createFakeApiservers({ manualTime: true })
  const watch = fake.watchApiserverAddresses({ probe: 'tcp' })
  void watch.next()
  await fake.advance(2000)
  await at.waiting()
  fake.setProbe('b:1', 'dead')
  fake.set(['a:1', 'b:1'])
  await fake.advance(0)
  await at.following()
  fake.fail('no-leader')
  await fake.advance(0)
  await at.outage()
  fake.recover()
  fake.set(['a:1', 'b:1', 'c:1'])
  await fake.advance(0)
  await watch.close()
  return fake
}

test('the metrics for Prometheus count what the watch does, and none of it after its end', async () => {
  const registry = new Registry()
  onTestFinished(addApiserverMetrics(registry))
  const samples = async () => (await registry.metrics()).split('\n').filter((line) => line.startsWith('rke2_'))
  await live({
    waiting: async () => {
      expect(await samples()).toContain(`rke2_apiservers_waiting{key="${key}",reason="not-set"} 1`)
      expect(await samples()).toContain(`rke2_apiservers_reads_total{key="${key}"} 1`)
      expect(await samples()).toContain(`rke2_apiservers_read_failures_total{key="${key}",reason="not-set"} 1`)
    },
    following: async () => {
      expect(await samples()).toEqual(
        expect.arrayContaining([
          `rke2_apiservers_listed{key="${key}"} 2`,
          `rke2_apiservers_up{key="${key}",address="a:1"} 1`,
          `rke2_apiservers_up{key="${key}",address="b:1"} 0`,
          `rke2_apiservers_following{key="${key}"} 1`,
          `rke2_apiservers_waiting{key="${key}",reason="not-set"} 0`,
          `rke2_apiservers_wait_seconds_sum{key="${key}"} 2`,
          `rke2_apiservers_wait_seconds_count{key="${key}"} 1`,
        ]),
      )
      const [, time = '0'] = /last_success_timestamp_seconds\{.*?\} (\S+)/.exec(await registry.metrics()) ?? []
      expect(Math.abs(Date.now() / 1000 - Number(time))).toBeLessThan(3600)
    },
    outage: async () => {
      expect(await samples()).toContain(`rke2_apiservers_following{key="${key}"} 0`)
      expect(await samples()).toContain(`rke2_apiservers_waiting{key="${key}",reason="no-leader"} 1`)
    },
  })
  expect(await samples()).toEqual(
    expect.arrayContaining([
      `rke2_apiservers_listed{key="${key}"} 3`,
      `rke2_apiservers_changes_total{key="${key}"} 2`,
      `rke2_apiservers_following{key="${key}"} 0`,
      `rke2_apiservers_waiting{key="${key}",reason="no-leader"} 0`,
    ]),
  )
})

test('docs/metrics.md has every metric for Prometheus with its labels, and no other', async () => {
  const registry = new Registry()
  onTestFinished(addApiserverMetrics(registry))
  const created = registry.getMetricsAsArray() as unknown as { name: string; labelNames: string[] }[]
  const described = created.map(({ name, labelNames }) => [name, labelNames.slice(1).join()])
  expect(table.map(([name, , , attribute]) => [name, attribute])).toEqual(described)
})

test('the alert rules use metrics that exist', async () => {
  const names = new Set(table.map(([name]) => name))
  const { groups } = loadYaml<{ groups: { rules: { expr: string }[] }[] }>(read('examples/node-agent/alerts.yaml'))
  const used = groups.flatMap(({ rules }) => rules.flatMap(({ expr }) => expr.match(/rke2_\w+/g) ?? []))
  expect(used.length).toBe(3)
  for (const name of used) expect(names).toContain(name)
})

test('the metrics for OpenTelemetry count what the watch does, with the names and units of docs/metrics.md', async () => {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  const reader = new PeriodicExportingMetricReader({ exporter })
  const provider = new MeterProvider({ readers: [reader] })
  metrics.setGlobalMeterProvider(provider)
  onTestFinished(() => metrics.disable())
  onTestFinished(addApiserverMeter())
  /** Returns the values of a metric by its other attribute, or of a histogram its sum. */
  const values = async (suffix: string) => {
    exporter.reset()
    await reader.forceFlush()
    const all = exporter.getMetrics()[0]?.scopeMetrics[0]?.metrics ?? []
    const points = all.find(({ descriptor }) => descriptor.name === `rke2.apiservers.${suffix}`)?.dataPoints ?? []
    return points.map(({ attributes: { key: subject, ...others }, value }) => {
      expect(subject).toBe(key)
      return [...Object.values(others), typeof value === 'number' ? value : value.sum]
    })
  }
  await live({
    waiting: async () => {
      expect(await values('waiting')).toEqual([['not-set', 1]])
      expect(await values('read.failures')).toEqual([['not-set', 1]])
    },
    following: async () => {
      expect(await values('listed')).toEqual([[2]])
      expect(await values('up')).toEqual([
        ['a:1', 1],
        ['b:1', 0],
      ])
      expect(await values('following')).toEqual([[1]])
      expect(await values('wait.duration')).toEqual([[2]])
    },
    outage: async () => {
      expect(await values('following')).toEqual([[0]])
      expect(await values('waiting')).toEqual([
        ['not-set', 0],
        ['no-leader', 1],
      ])
    },
  })
  expect(await values('changes')).toEqual([[2]])
  const created = exporter
    .getMetrics()[0]
    ?.scopeMetrics[0]?.metrics.map(({ descriptor: { name, unit } }) => [name, unit])
  const shown = table.flatMap(([, name = '', unit]) => (name === '' ? [] : [[name, unit]]))
  expect(new Set(created?.map((pair) => pair.join(' ')))).toEqual(new Set(shown.map((pair) => pair.join(' '))))
})

test('the spans for OpenTelemetry have the result or the error of each call', async () => {
  const spans: { name: string; [field: string]: unknown }[] = []
  const tracer = {
    startSpan: (name: string) => {
      const span = { name }
      spans.push(span)
      return {
        setAttributes: (attributes: object) => Object.assign(span, attributes),
        setStatus: (status: object) => Object.assign(span, status),
        recordException: (error: Error) => Object.assign(span, { message: error.message }),
        end: () => Object.assign(span, { ended: true }),
      }
    },
  }
  trace.setGlobalTracerProvider({ getTracer: () => tracer as never })
  onTestFinished(() => trace.disable())
  traceApiserverCalls()
  const { set, fail, resolveApiserverAddresses } = createFakeApiservers()
  set(['a:1'])
  await resolveApiserverAddresses()
  fail('rejected')
  const error = await resolveApiserverAddresses().catch((reason: Error) => reason)
  const name = 'rke2.apiservers.resolve'
  expect(spans).toEqual([
    { name, 'rke2.apiservers.listed': 1, 'rke2.apiservers.source': 'etcd', ended: true },
    { name, message: (error as Error).message, code: 2, ended: true },
  ])
})
