/** What happened in a campaign, in numbers that can be added up. */
export interface Summary {
  readonly seed: number
  readonly minutes: number
  readonly rounds: number
  readonly faults: Readonly<Record<string, number>>
  readonly writes: Readonly<Record<string, number>>
  readonly calls: Readonly<Record<string, number>>
  readonly watches: number
  /** Lists that readers of watches were given. */
  readonly changes: number
  /** From the first write after the last fault until all watches had its list, at most. */
  readonly longestRecoveryMs: number
  /** From the sending of a write until a watch had told the new server in it, at most, while nothing was wrong. */
  readonly slowestPushMs: number
  readonly heapGrowthBytes: number
}

/** The same for people. */
export function describe(summary: Summary): string {
  const { seed, minutes, rounds, watches, changes, longestRecoveryMs, slowestPushMs, heapGrowthBytes } = summary
  const counted = (counts: Readonly<Record<string, number>>) => {
    const entries = Object.entries(counts).toSorted(([, a], [, b]) => b - a)
    const sum = entries.reduce((total, [, count]) => total + count, 0)
    return `${sum} (${entries.map(([name, count]) => `${name} ${count}`).join(', ')})`
  }
  return [
    `Nothing was violated in ${minutes.toFixed(1)} minutes and ${rounds} rounds of seed ${seed}.`,
    `faults   ${counted(summary.faults)}`,
    `writes   ${counted(summary.writes)}`,
    `calls    ${counted(summary.calls)}`,
    `watches  ${watches}, and ${changes} lists that their readers were given`,
    `recovery ${longestRecoveryMs} ms at most, from the first write after the last fault to the last watch`,
    `push     ${slowestPushMs} ms at most, from a write to a watch, while nothing was wrong`,
    `heap     ${(heapGrowthBytes / 1e6).toFixed(1)} MB more than in the first round`,
  ].join('\n')
}
