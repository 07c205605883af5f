import type { Interval, Soak, Soaks } from '../scenarios/soak/soak.ts'
import { compareThirds } from '../thirds.ts'
import { grouped, ratio, table, threeDigits } from './markdown.ts'

const columns: readonly { readonly name: string; readonly of: keyof Interval }[] = [
  { name: 'heap, MB', of: 'heapMb' },
  { name: 'resident, MB', of: 'rssMb' },
  { name: 'handles', of: 'handles' },
  { name: 'latency, p50', of: 'p50Ms' },
  { name: 'latency, p99', of: 'p99Ms' },
  { name: 'after an outage', of: 'recoveryMs' },
]

/** Returns the part of the report about the scenario `soak`: one table for each source, with a row for each interval. */
export function soakSection({ etcd, kubernetes }: Soaks): string {
  return [
    '## `soak`: 100 times the usual speed of events',
    ...part('etcd', etcd),
    ...part('kubernetes', kubernetes),
  ].join('\n\n')
}

function part(source: string, soak: Soak): string[] {
  const { intervalMs, changes, rotations, outages, calls, watches, handles, intervals } = soak
  const compared = columns.map(({ of }) => {
    const samples = intervals.map((interval) => interval[of]).filter((sample) => sample !== undefined)
    return compareThirds(samples)
  })
  const rows = [
    ...intervals.map((interval, index) => [
      `until ${threeDigits(((index + 1) * intervalMs) / 60_000)} min`,
      ...columns.map(({ of }) => threeDigits(interval[of])),
    ]),
    ['first third', ...compared.map(({ first }) => threeDigits(first))],
    ['last third', ...compared.map(({ last }) => threeDigits(last))],
    ['last / first', ...compared.map(({ first, last }) => (Number.isNaN(last) ? '' : ratio(last, first)))],
  ]
  return [
    `### The source \`${source}\``,
    `${grouped(changes)} changes, ${grouped(rotations)} rotations, ${grouped(outages)} outages, ${grouped(calls)} calls ` +
      `and ${grouped(watches)} short watches. The handles at the end: ${handles.join(', ')}.`,
    table(['', ...columns.map(({ name }) => name)], rows),
  ]
}
