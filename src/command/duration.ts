const milliseconds = new Map([
  ['ms', 1],
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000],
])

/** `250ms`, `3s`, `1m30s`, `1.5h`, `0` or `infinity` in milliseconds; `undefined` for anything else. */
export function parseDuration(text: string): number | undefined {
  if (text === 'infinity') return Infinity
  if (text === '0') return 0
  if (!/^(\d+(\.\d+)?(ms|s|m|h))+$/.test(text)) return undefined
  // Whole milliseconds: 1.1s is 1100.0000000000002 in floating point.
  return Math.round(
    [...text.matchAll(/([\d.]+)([a-z]+)/g)].reduce(
      (sum, [, number, unit = '']) => sum + Number(number) * (milliseconds.get(unit) ?? NaN),
      0,
    ),
  )
}

/** A span of time for people, never longer than seven characters below 100 hours: `0.4s`, `42.0s`, `1m05s`, `15h00m`. */
export function formatDuration(ms: number): string {
  const tenths = Math.round(ms / 100)
  if (tenths < 600) return `${(tenths / 10).toFixed(1)}s`
  const seconds = Math.round(ms / 1000)
  const two = (value: number) => String(value).padStart(2, '0')
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m${two(seconds % 60)}s`
  return `${Math.floor(seconds / 3600)}h${two(Math.floor((seconds % 3600) / 60))}m`
}
