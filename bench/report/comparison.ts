import { baselines } from '../baselines.ts'
import type { BaselineId, ByBaseline } from '../baselines.ts'
import type { Measured, Results } from '../results.ts'
import { settingsOf } from '../settings.ts'
import type { Settings } from '../settings.ts'
import { median, quantile } from '../stats.ts'
import { wakeChartTitle } from './chart.ts'
import { ratio, table, threeDigits } from './markdown.ts'

interface Column {
  readonly name: string
  readonly value: (id: BaselineId) => number | undefined
}

/** Returns the part of the report that compares the programs: one table for each scenario that was measured. */
export function comparison(results: Results, chart: string): string {
  const { measured } = results
  const settings = settingsOf(results)
  return [
    '## Comparison with other programs',
    wake(measured, chart),
    herd(measured, settings),
    waiting(measured, settings),
    outage(measured, settings),
    delays('`recovery`: etcd boots after an outage', measured.recovery),
    delays('`reopen`: a closed port opens', measured.reopen),
  ]
    .filter(Boolean)
    .join('\n\n')
}

function wake({ wake: samples }: Measured, chart: string): string {
  const text = delays('`wake`: time from a write until a waiting process has the list', samples)
  return text && `${text}\n\n![${wakeChartTitle}](${chart})`
}

function delays(heading: string, samples: ByBaseline<number[]> | undefined): string {
  if (samples === undefined) return ''
  const column = (name: string, share: number): Column => ({
    name,
    value: (id) => samples[id] && quantile(samples[id], share),
  })
  return section(heading, [column('median', 0.5), column('p90', 0.9)])
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

/** One row for each program, and the ratios of this package to raw grpc-js and to K3s's loop. */
function section(heading: string, columns: readonly Column[]): string {
  const rows = baselines.map(({ id, name }) => [name, ...columns.map(({ value }) => threeDigits(value(id)))])
  const ratios = baselines
    .filter(({ id }) => id === 'raw-grpc-js' || id === 'k3s-loop')
    .toReversed()
    .map(({ id, name }) => [
      `this package / ${name}`,
      ...columns.map(({ value }) => ratio(value('this-package'), value(id))),
    ])
  const measured = [...rows, ...ratios].filter(([, ...cells]) => cells.some(Boolean))
  return [`### ${heading}`, table(['', ...columns.map(({ name }) => name)], measured)].join('\n\n')
}
