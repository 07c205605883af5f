import { kubernetesBaselines } from '../baselines.ts'
import type { ByBaseline } from '../baselines.ts'
import type { Measured, Results } from '../results.ts'
import type { Memory } from '../scenarios/memory.ts'
import { settingsOf } from '../settings.ts'
import type { Settings } from '../settings.ts'
import { coldStartTable } from './cold-start.ts'
import { grouped, table, threeDigits } from './markdown.ts'
import { delayColumns, programSection } from './section.ts'
import type { Column } from './section.ts'

/** Returns the part of the report about the source `kubernetes`: one table for each scenario that was measured. */
export function kubernetes(results: Results): string {
  const { measured } = results
  const settings = settingsOf(results)
  const parts = [
    delays('`kubernetesWake`: time from a change until a waiting process has the list', measured.kubernetesWake),
    coldStart(measured),
    waiting(measured, settings),
    delays('`kubernetesRecovery`: an apiserver can be reached again after an outage', measured.kubernetesRecovery),
    memory(measured.kubernetesMemory),
    handles(measured),
  ].filter(Boolean)
  return parts.length === 0 ? '' : ['## The source `kubernetes`', ...parts].join('\n\n')
}

function coldStart({ kubernetesColdStart: programs }: Measured): string {
  if (programs === undefined) return ''
  const heading = '### `kubernetesColdStart`: time from the start of a process to its output'
  return [heading, coldStartTable(programs, 'one raw request')].join('\n\n')
}

function waiting({ kubernetesWaiting: costs }: Measured, settings: Settings): string {
  if (costs === undefined) return ''
  const perMinute = 60_000 / settings.kubernetesWaiting.periodMs
  return ['first', 'second']
    .map((which, period) => {
      const column = (name: string, cost: 'requests' | 'connects' | 'cpuMs'): Column => ({
        name,
        value: (id) => costs[id]?.[period] && costs[id][period][cost] * perMinute,
      })
      return section(`\`kubernetesWaiting\`: the list is empty, ${which} minute`, [
        column('requests', 'requests'),
        column('connects', 'connects'),
        column('CPU', 'cpuMs'),
        { name: 'memory, MB', value: (id) => costs[id]?.[period]?.rssMb },
      ])
    })
    .join('\n\n')
}

function memory(samples: ByBaseline<Memory> | undefined): string {
  const waiters = samples?.['this-package']?.waiters
  if (samples === undefined || waiters === undefined) return ''
  const rows = kubernetesBaselines.flatMap(({ id, name }) => {
    const { heapMb, rssMb } = samples[id] ?? {}
    const cells = [heapMb?.[0], heapMb?.at(-1), rssMb?.[0], rssMb?.at(-1)].map(threeDigits)
    return cells.some(Boolean) ? [[name, ...cells]] : []
  })
  const minutes = threeDigits((samples['this-package']?.durationMs ?? 0) / 60_000)
  return [
    `### \`kubernetesMemory\`: ${waiters} waiters in one process for ${minutes} minutes, in MB`,
    table(['', 'heap, first', 'heap, last', 'resident, first', 'resident, last'], rows),
  ].join('\n\n')
}

function handles({ kubernetesHandles: outcome }: Measured): string {
  if (outcome === undefined) return ''
  const { calls, left } = outcome
  const many = left === 0 ? 'None' : `**${grouped(left)}**`
  return `${many} of ${grouped(calls)} calls, one after the other, has left an open handle.`
}

function delays(heading: string, samples: ByBaseline<number[]> | undefined): string {
  return samples === undefined ? '' : section(heading, delayColumns(samples))
}

/** The ratios are those of this package to raw node:http2. */
const section = (heading: string, columns: readonly Column[]): string =>
  programSection(heading, columns, kubernetesBaselines, ['raw-http2'])
