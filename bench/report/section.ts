import type { BaselineId, ByBaseline } from '../baselines.ts'
import { quantile } from '../stats.ts'
import { ratio, table, threeDigits } from './markdown.ts'

export interface Column {
  readonly name: string
  readonly value: (id: BaselineId) => number | undefined
}

interface NamedBaseline {
  readonly id: BaselineId
  readonly name: string
}

/** Returns a table with one row for each program, and the ratios of this package to the programs `bases`. */
export function programSection(
  heading: string,
  columns: readonly Column[],
  programs: readonly NamedBaseline[],
  bases: readonly BaselineId[],
): string {
  const rows = programs.map(({ id, name }) => [name, ...columns.map(({ value }) => threeDigits(value(id)))])
  const ratios = bases.map((base) => [
    `this package / ${programs.find(({ id }) => id === base)?.name}`,
    ...columns.map(({ value }) => ratio(value('this-package'), value(base))),
  ])
  const measured = [...rows, ...ratios].filter(([, ...cells]) => cells.some(Boolean))
  return [`### ${heading}`, table(['', ...columns.map(({ name }) => name)], measured)].join('\n\n')
}

export function delayColumns(samples: ByBaseline<number[]>): Column[] {
  const column = (name: string, share: number): Column => ({
    name,
    value: (id) => samples[id] && quantile(samples[id], share),
  })
  return [column('median', 0.5), column('p90', 0.9)]
}
