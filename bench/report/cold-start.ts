import type { Measured } from '../results.ts'
import { median, quantile } from '../stats.ts'
import { ratio, table, threeDigits } from './markdown.ts'

/** Returns the part of the report about the start of a process. */
export function coldStarts({ coldStart }: Measured): string {
  if (coldStart === undefined) return ''
  const base = median(coldStart['bare etcd3'].outputMs)
  const rows = Object.entries(coldStart).map(([name, { cpuMs, exitMs, outputMs, peakMb }]) => {
    const output = median(outputMs)
    return [
      name,
      ...[output, quantile(outputMs, 0.9), median(exitMs), cpuMs, peakMb].map(threeDigits),
      ratio(output, base),
    ]
  })
  return [
    '## `coldStart`: time from the start of a process to its output',
    table(['', 'output, median', 'p90', 'exit, median', 'CPU', 'peak memory, MB', 'output / bare etcd3'], rows),
  ].join('\n\n')
}
