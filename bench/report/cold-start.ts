import type { Measured } from '../results.ts'
import type { ColdStart } from '../scenarios/cold-start.ts'
import { median, quantile } from '../stats.ts'
import { ratio, table, threeDigits } from './markdown.ts'

/** Returns the part of the report about the start of a process. */
export function coldStarts({ coldStart, tlsColdStart }: Measured): string {
  const what = 'time from the start of a process to its output'
  return [
    coldStart && `## \`coldStart\`: ${what}\n\n${coldStartTable(coldStart, 'bare etcd3')}`,
    tlsColdStart && `## \`tlsColdStart\`: ${what}, over mutual TLS\n\n${coldStartTable(tlsColdStart, 'bare etcd3')}`,
  ]
    .filter((part) => part !== undefined)
    .join('\n\n')
}

/** Returns a table of programs, each compared with the program `base`. */
export function coldStartTable<Name extends string>(programs: Readonly<Record<Name, ColdStart>>, base: Name): string {
  const baseMs = median(programs[base].outputMs)
  const rows = Object.entries<ColdStart>(programs).map(([name, { cpuMs, exitMs, outputMs, peakMb }]) => {
    const output = median(outputMs)
    return [
      name,
      ...[output, quantile(outputMs, 0.9), median(exitMs), cpuMs, peakMb].map(threeDigits),
      ratio(output, baseMs),
    ]
  })
  return table(['', 'output, median', 'p90', 'exit, median', 'CPU', 'peak memory, MB', `output / ${base}`], rows)
}
