const milliseconds = new Map([
  ['ms', 1],
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000],
])

/** Returns the milliseconds of `250ms`, `3s`, `1m30s`, `1.5h`, `0` or `infinity`; `undefined` for any other text. */
export function parseDuration(text: string): number | undefined {
  if (text === 'infinity') return Infinity
  if (text === '0') return 0
  if (!/^(\d+(\.\d+)?(ms|s|m|h))+$/.test(text)) return undefined
  let sum = 0
  for (const [, number, unit = ''] of text.matchAll(/([\d.]+)([a-z]+)/g)) {
    sum += Number(number) * (milliseconds.get(unit) ?? NaN)
  }
  // Rounded, because 1.1s is 1100.0000000000002 in floating point.
  return Math.round(sum)
}

/** Returns `0.4s`, `42.0s`, `1m05s` or `15h00m`: at most seven characters for less than 100 hours. */
export function formatDuration(ms: number): string {
  const tenths = Math.round(ms / 100)
  if (tenths < 600) return `${(tenths / 10).toFixed(1)}s`
  const seconds = Math.round(ms / 1000)
  const twoDigits = (value: number) => String(value).padStart(2, '0')
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m${twoDigits(seconds % 60)}s`
  return `${Math.floor(seconds / 3600)}h${twoDigits(Math.floor((seconds % 3600) / 60))}m`
}
