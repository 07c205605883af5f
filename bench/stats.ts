import { SeededRandom } from '../test/support/random.ts'

/** The value that this share of the samples does not exceed, interpolated. */
export function quantile(samples: readonly number[], share: number): number {
  const sorted = samples.toSorted((a, b) => a - b)
  const position = (sorted.length - 1) * share
  const below = sorted[Math.floor(position)] ?? NaN
  const above = sorted[Math.ceil(position)] ?? NaN
  return below + (above - below) * (position - Math.floor(position))
}

export const median = (samples: readonly number[]): number => quantile(samples, 0.5)

const dice = new SeededRandom(crypto.randomUUID())

/** In another order, every time. */
export const shuffled = <T>(items: readonly T[]): T[] => dice.shuffle(items)

/** A table in Markdown, numbers to the right. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map((_, index) => (index === 0 ? '---' : '--:'))), ...rows.map(line)].join('\n')
}

/** Three digits that mean something. */
export function tidy(value: number | undefined): string {
  if (value === undefined || Number.isNaN(value)) return ''
  if (value >= 100) return Math.round(value).toLocaleString('en')
  return String(Number(value.toPrecision(value < 1 ? 2 : 3)))
}
