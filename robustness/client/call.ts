import { getEventListeners } from 'node:events'
import { resolveApiserverAddresses } from '../../src/index.ts'
import type { ResolveOptions } from '../../src/index.ts'
import type { CallScenario } from '../random/calls.ts'
import type { CallRecord, ObservedEvent } from '../report/records.ts'
import type { Report } from '../report/report.ts'
import { observeEvents } from './observe.ts'

/** Makes one call of `resolveApiserverAddresses`, aborts it if the scenario says so, and returns its record. */
export async function makeCall(
  actor: string,
  scenario: CallScenario,
  connection: ResolveOptions,
  report: Report,
): Promise<CallRecord> {
  const abortMs = scenario.abort !== undefined && 'ms' in scenario.abort ? scenario.abort.ms : undefined
  const abortEvent = scenario.abort !== undefined && 'on' in scenario.abort ? scenario.abort.on : undefined
  const controller = new AbortController()
  const abortReason = new Error('the caller aborted the call')
  const observed: ObservedEvent[] = []
  let abortedAt: number | undefined
  const abort = () => {
    if (abortedAt !== undefined) return
    abortedAt = performance.now()
    report.record(actor, 'abort')
    controller.abort(abortReason)
  }
  const events = observeEvents((each) => {
    observed.push(each)
    report.record(actor, each.event.type, each.event)
    if (abortEvent === each.event.type) abort()
  })

  report.record(actor, 'call', scenario)
  const startedAt = performance.now()
  const timer = abortMs === undefined ? undefined : setTimeout(abort, abortMs)
  if (abortMs === 0) abort()
  const { signal } = controller
  const outcome = await resolveApiserverAddresses({ ...connection, ...scenario.options, events, signal }).then(
    (result) => ({ result }),
    (error: unknown) => ({ error }),
  )
  const endedAt = performance.now()
  clearTimeout(timer)
  const abortListeners = getEventListeners(signal, 'abort').length
  return { scenario, startedAt, endedAt, abortedAt, abortReason, events: observed, outcome, abortListeners }
}
