/** Returns a Markdown table whose columns are right-aligned except for the first `labels` columns. */
export function table(head: readonly string[], rows: readonly (readonly string[])[], labels = 1): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map((_, index) => (index < labels ? '---' : '--:'))), ...rows.map(line)].join('\n')
}

/** Formats a number with three significant digits, or two below 1. Returns an empty text if nothing was measured. */
export function threeDigits(value: number | undefined): string {
  if (value === undefined || Number.isNaN(value)) return ''
  if (value >= 100) return grouped(Math.round(value))
  return String(Number(value.toPrecision(value < 1 ? 2 : 3)))
}

/** Formats a whole number with commas. */
export const grouped = (value: number): string => value.toLocaleString('en')

/** Formats `value / base`. Returns an empty text if one was not measured or the base is 0. */
export function ratio(value: number | undefined, base: number | undefined): string {
  return value === undefined || base === undefined || base === 0 ? '' : `${threeDigits(value / base)} ×`
}
