import { baselines } from '../baselines.ts'
import type { ByBaseline } from '../baselines.ts'
import type { Measured, Results } from '../results.ts'
import { settingsOf } from '../settings.ts'
import type { Settings } from '../settings.ts'
import { median } from '../stats.ts'
import { wakeChartTitle } from './chart.ts'
import { delayColumns, programSection } from './section.ts'
import type { Column } from './section.ts'

/** Returns the part of the report that compares the programs: one table for each scenario that was measured. */
export function comparison(results: Results, chart: string): string {
  const { measured } = results
  const settings = settingsOf(results)
  const parts = [
    wake(measured, chart),
    herd(measured, settings),
    waiting(measured, settings),
    outage(measured, settings),
    delays('`recovery`: etcd boots after an outage', measured.recovery),
    delays('`reopen`: a closed port opens', measured.reopen),
  ].filter(Boolean)
  return parts.length === 0 ? '' : ['## Comparison with other programs', ...parts].join('\n\n')
}

function wake({ wake: samples }: Measured, chart: string): string {
  const text = delays('`wake`: time from a write until a waiting process has the list', samples)
  return text && `${text}\n\n![${wakeChartTitle}](${chart})`
}

function delays(heading: string, samples: ByBaseline<number[]> | undefined): string {
  return samples === undefined ? '' : section(heading, delayColumns(samples))
}

function herd({ herd: samples }: Measured, settings: Settings): string {
  if (samples === undefined) return ''
  return section(`\`herd\`: one write, ${settings.herd.waiters} waiters in one process`, [
    { name: 'median waiter', value: (id) => samples[id] && median(samples[id].medianMs) },
    { name: 'last waiter', value: (id) => samples[id] && median(samples[id].lastMs) },
    { name: "etcd's CPU", value: (id) => samples[id] && median(samples[id].etcdCpuMs) },
  ])
}

function waiting({ waiting: costs }: Measured, settings: Settings): string {
  if (costs === undefined) return ''
  const perMinute = 60_000 / settings.waiting.periodMs
  return ['first', 'second']
    .map((which, period) => {
      const column = (name: string, cost: 'rpcs' | 'bytes' | 'connects' | 'cpuMs'): Column => ({
        name,
        value: (id) => costs[id]?.[period] && costs[id][period][cost] * perMinute,
      })
      return section(`\`waiting\`: the key is absent, ${which} minute`, [
        column('RPCs', 'rpcs'),
        column('bytes', 'bytes'),
        column('connects', 'connects'),
        column('CPU', 'cpuMs'),
      ])
    })
    .join('\n\n')
}

function outage({ outage: costs }: Measured, settings: Settings): string {
  if (costs === undefined) return ''
  const perMinute = 60_000 / settings.outage.periodMs
  return section('`outage`: nothing listens', [
    { name: 'connects per minute', value: (id) => costs[id] && costs[id].connects * perMinute },
    { name: 'CPU per minute', value: (id) => costs[id] && costs[id].cpuMs * perMinute },
  ])
}

/** The ratios are those of this package to raw grpc-js and to K3s's loop. */
const section = (heading: string, columns: readonly Column[]): string =>
  programSection(heading, columns, baselines, ['raw-grpc-js', 'k3s-loop'])
