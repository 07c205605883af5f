// Metrics and spans for OpenTelemetry of every call and watch of the process. docs/metrics.md explains them.
import { subscribe, tracingChannel, unsubscribe } from 'node:diagnostics_channel'
import { metrics, SpanStatusCode, trace } from '@opentelemetry/api'
import type { Span } from '@opentelemetry/api'
import type { DiagnosticsMessage, ProbedAddress, ResolveTrace } from 'rke2-apiserver-resolver'

/** Creates the instruments with the global meter. Returns the function that stops counting. */
export function addApiserverMeter(): () => void {
  const meter = metrics.getMeter('rke2-apiserver-resolver')
  const name = (suffix: string) => `rke2.apiservers.${suffix}`
  const listed = meter.createGauge(name('listed'), { unit: '{apiserver}', description: 'Apiservers in the list' })
  const up = meter.createObservableGauge(name('up'), { description: '1 if the last probe found the apiserver alive' })
  const probeDuration = meter.createHistogram(name('probe.duration'), { unit: 's', description: 'Duration of a probe' })
  const following = meter.createUpDownCounter(name('following'), {
    unit: '{watch}',
    description: 'Watches that follow the list',
  })
  const waiting = meter.createUpDownCounter(name('waiting'), {
    unit: '{call}',
    description: 'Calls that wait, by reason',
  })
  const reads = meter.createCounter(name('reads'), { unit: '{attempt}', description: 'Reads of the list' })
  const failures = meter.createCounter(name('read.failures'), {
    unit: '{attempt}',
    description: 'Reads that gave no complete list',
  })
  const changes = meter.createCounter(name('changes'), { unit: '{change}', description: 'Changes of the list' })
  const wait = meter.createHistogram(name('wait.duration'), { unit: 's', description: 'Time to the first list' })

  /** How to undo what a call has added to `following` or `waiting`. */
  const undo = new Map<number, () => void>()
  const update = (call: number, add?: (change: 1 | -1) => void) => {
    undo.get(call)?.()
    undo.delete(call)
    if (add === undefined) return
    add(1)
    undo.set(call, () => add(-1))
  }
  const probed = new Map<string, readonly ProbedAddress[]>()
  up.addCallback((result) => {
    for (const [key, probes] of probed) {
      for (const { address, state } of probes) result.observe(state === 'alive' ? 1 : 0, { key, address })
    }
  })

  const onMessage = (message: unknown) => {
    const { call, key, event } = message as DiagnosticsMessage
    if (event.type === 'attempt') reads.add(1, { key })
    if (event.type === 'retry') failures.add(1, { key, reason: event.reason })
    if (event.type === 'changed') changes.add(1, { key })
    if (event.type === 'changed' || event.type === 'resolved') listed.record(event.addresses.length, { key })
    if (event.type === 'resolved') wait.record(event.elapsedMs / 1000, { key })
    if (event.type === 'probed') {
      probed.set(key, event.probes)
      for (const { address, latencyMs } of event.probes) probeDuration.record(latencyMs / 1000, { key, address })
    }
    if (event.type === 'phase') update(call, (change) => waiting.add(change, { key, reason: event.reason }))
    if (event.type === 'connected') update(call, (change) => following.add(change, { key }))
    if (['resolved', 'disconnected', 'failed', 'aborted', 'closed'].includes(event.type)) update(call)
  }
  subscribe('rke2-apiserver-resolver', onMessage)
  return () => void unsubscribe('rke2-apiserver-resolver', onMessage)
}

/** Makes a span of each `resolveApiserverAddresses` with the global tracer. */
export function traceApiserverCalls(): void {
  const tracer = trace.getTracer('rke2-apiserver-resolver')
  const spans = new WeakMap<object, Span>()
  const channels = tracingChannel('rke2-apiserver-resolver:resolve')
  channels.start.subscribe((context) => spans.set(context as ResolveTrace, tracer.startSpan('rke2.apiservers.resolve')))
  channels.asyncEnd.subscribe((context) => {
    const { result, error } = context as ResolveTrace
    const span = spans.get(context as ResolveTrace)
    if (result === undefined) {
      span?.recordException(error instanceof Error ? error : String(error))
      span?.setStatus({ code: SpanStatusCode.ERROR })
    } else {
      span?.setAttributes({
        'rke2.apiservers.listed': result.addresses.length,
        'rke2.apiservers.source': result.source,
      })
    }
    span?.end()
  })
}
