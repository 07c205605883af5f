// Metrics for Prometheus of every call and watch of the process. docs/metrics.md explains them.
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { Counter, Gauge, Histogram } from 'prom-client'
import type { Registry } from 'prom-client'
import type { AddressList, DiagnosticsMessage, ProbedAddress, Reason } from 'rke2-apiserver-resolver'

/** What one call or watch does now. Its key may change while `source: 'auto'` decides. */
type CallState =
  { readonly key: string; readonly waitingFor: Reason } | { readonly key: string; readonly following: true }

/** Adds the metrics to a registry. Returns the function that stops counting. */
export function addApiserverMetrics(registry: Registry): () => void {
  const registers = [registry]
  const gauge = (name: string, help: string, ...more: string[]) =>
    new Gauge({ name: `rke2_apiservers_${name}`, help, labelNames: ['key', ...more], registers })
  const counter = (name: string, help: string, ...more: string[]) =>
    new Counter({ name: `rke2_apiservers_${name}`, help, labelNames: ['key', ...more], registers })

  const listed = gauge('listed', 'Apiservers in the list')
  const up = gauge('up', '1 if the last probe found the apiserver alive, else 0', 'address')
  const probeSeconds = gauge('probe_seconds', 'Duration of the last probe of the apiserver', 'address')
  const following = gauge('following', 'Watches that follow the list')
  const waiting = gauge('waiting', 'Calls and watches that wait, by what they wait for', 'reason')
  const lastSuccess = gauge('last_success_timestamp_seconds', 'When the list was last found, changed or followed again')
  const reads = counter('reads_total', 'Reads of the list')
  const failures = counter('read_failures_total', 'Reads that gave no complete list', 'reason')
  const changes = counter('changes_total', 'Changes of the list')
  const waitSeconds = new Histogram({
    name: 'rke2_apiservers_wait_seconds',
    help: 'Time from the start of a call or watch to its first list',
    labelNames: ['key'],
    buckets: [0.1, 0.5, 1, 5, 15, 60, 300, 900],
    registers,
  })

  const calls = new Map<number, CallState>()
  const count = (state: CallState, change: 1 | -1) => {
    if ('following' in state) following.inc({ key: state.key }, change)
    else waiting.inc({ key: state.key, reason: state.waitingFor }, change)
  }
  const update = (call: number, next?: CallState) => {
    const before = calls.get(call)
    if (before !== undefined) count(before, -1)
    calls.delete(call)
    if (next === undefined) return
    count(next, 1)
    calls.set(call, next)
  }
  const succeed = (key: string, list?: AddressList) => {
    lastSuccess.setToCurrentTime({ key })
    if (list !== undefined) listed.set({ key }, list.addresses.length)
  }
  /** The addresses with probes, by key. */
  const probed = new Map<string, readonly string[]>()
  const setProbes = (key: string, probes: readonly ProbedAddress[]) => {
    for (const address of probed.get(key) ?? []) {
      up.remove({ key, address })
      probeSeconds.remove({ key, address })
    }
    for (const { address, state, latencyMs } of probes) {
      up.set({ key, address }, state === 'alive' ? 1 : 0)
      probeSeconds.set({ key, address }, latencyMs / 1000)
    }
    probed.set(
      key,
      probes.map(({ address }) => address),
    )
  }

  const onMessage = (message: unknown) => {
    const { call, key, event } = message as DiagnosticsMessage
    switch (event.type) {
      case 'attempt':
        reads.inc({ key })
        break
      case 'phase':
        update(call, { key, waitingFor: event.reason })
        break
      case 'retry':
        failures.inc({ key, reason: event.reason })
        break
      case 'resolved':
        update(call)
        waitSeconds.observe({ key }, event.elapsedMs / 1000)
        succeed(key, event)
        break
      case 'connected':
        update(call, { key, following: true })
        succeed(key)
        break
      case 'changed':
        changes.inc({ key })
        succeed(key, event)
        break
      case 'probed':
        setProbes(key, event.probes)
        break
      case 'disconnected':
      case 'failed':
      case 'aborted':
      case 'closed':
        update(call)
    }
  }
  subscribe('rke2-apiserver-resolver', onMessage)
  return () => void unsubscribe('rke2-apiserver-resolver', onMessage)
}
