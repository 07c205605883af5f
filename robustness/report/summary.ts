/** What happened in a campaign, in numbers. */
export interface Summary {
  readonly seed: number
  readonly minutes: number
  readonly rounds: number
  /** The number of faults of each kind. */
  readonly faults: Readonly<Record<string, number>>
  /** The number of writes of each kind. */
  readonly writes: Readonly<Record<string, number>>
  /** The number of calls with each outcome. */
  readonly calls: Readonly<Record<string, number>>
  readonly watches: number
  /** The number of changes that the readers of the watches got. */
  readonly changes: number
  /** The longest time from the first write after the last fault until every watch had that list. */
  readonly longestRecoveryMs: number
  /**
   * The longest time from the sending of a write until a watch emitted the new server in it, while no fault was active.
   */
  readonly slowestPushMs: number
  readonly heapGrowthBytes: number
}

/** Returns the summary as text. */
export function formatSummary(summary: Summary): string {
  const { seed, minutes, rounds, watches, changes, longestRecoveryMs, slowestPushMs, heapGrowthBytes } = summary
  return [
    `No violation in ${minutes.toFixed(1)} minutes (${rounds} rounds, seed ${seed}).`,
    `faults    ${formatCounts(summary.faults)}`,
    `writes    ${formatCounts(summary.writes)}`,
    `calls     ${formatCounts(summary.calls)}`,
    `watches   ${watches}; their readers got ${changes} changes`,
    `recovery  at most ${longestRecoveryMs} ms from the write after the last fault until every watch had it`,
    `push      at most ${slowestPushMs} ms from a write to the event of a watch, while no fault was active`,
    `heap      ${(heapGrowthBytes / 1e6).toFixed(1)} MB growth since the first round`,
  ].join('\n')
}

function formatCounts(counts: Readonly<Record<string, number>>): string {
  const entries = Object.entries(counts).toSorted(([, a], [, b]) => b - a)
  const sum = entries.reduce((total, [, count]) => total + count, 0)
  return `${sum} (${entries.map(([name, count]) => `${name} ${count}`).join(', ')})`
}
