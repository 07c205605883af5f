import { onTestFinished } from 'vitest'
import type { ApiserverAddressEvent } from '../../../src/index.ts'
import type { NodeWatch } from './node-watch.ts'

const types = ['phase', 'resolved', 'connected', 'disconnected', 'changed', 'resynced', 'held', 'ignored'] as const

/** Prints at the end of the current test what each watch has emitted: the report of a run. */
export function printEvents(title: string, watches: readonly NodeWatch[]): void {
  const startedAt = performance.now()
  const times = new Map<ApiserverAddressEvent, number>()
  const keepTime = (event: ApiserverAddressEvent) => void times.set(event, performance.now() - startedAt)
  for (const { events } of watches) for (const type of types) events.emitter.on(type, keepTime)
  onTestFinished(() => {
    for (const { events } of watches) for (const type of types) events.emitter.off(type, keepTime)
    const lines = watches.map(({ node, source, events }) => {
      const steps = events.all.flatMap((event) => {
        const time = times.get(event)
        return time === undefined ? [] : [`${(time / 1000).toFixed(1)} s ${describe(event)}`]
      })
      return `  ${node.name} ${source ?? 'no list'}: ${steps.join(', ')}`
    })
    console.log(`${title}\n${lines.join('\n')}`)
  })
}

function describe(event: ApiserverAddressEvent): string {
  if (event.type === 'phase') return event.reason
  if (event.type === 'held') return `held ${event.missing.join('+')}`
  if (event.type !== 'changed') return event.type
  const removed = event.removed.map((address) => `-${address}`)
  return ['changed', ...event.added.map((address) => `+${address}`), ...removed].join(' ')
}
