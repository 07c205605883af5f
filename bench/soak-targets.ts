import type { Measured } from './results.ts'
import type { Interval } from './scenarios/soak/soak.ts'
import type { Target } from './targets.ts'
import { compareThirds } from './thirds.ts'
import type { Thirds } from './thirds.ts'

/** The targets of the scenario `soak`. The source with the larger figure counts. */
export const soakTargets: readonly Target[] = [
  {
    what: '`soak`: heap, last third / first third',
    limit: 1.1,
    unit: ' ×',
    figure: largest('heapMb', ({ ratio }) => ratio),
  },
  {
    what: '`soak`: resident memory, last third / first third',
    limit: 1.1,
    unit: ' ×',
    figure: largest('rssMb', ({ ratio }) => ratio),
  },
  {
    what: '`soak`: handles, last third − first third',
    limit: 0,
    unit: '',
    figure: largest('handles', ({ first, last }) => last - first),
  },
  {
    what: '`soak`: p99 of the latency, last third / first third',
    limit: 1.5,
    unit: ' ×',
    figure: largest('p99Ms', ({ ratio }) => ratio),
  },
]

function largest(
  column: Exclude<keyof Interval, 'recoveryMs'>,
  figure: (thirds: Thirds) => number,
): (measured: Measured) => number | undefined {
  return ({ soak }) =>
    soak &&
    Math.max(
      ...[soak.etcd, soak.kubernetes].map(({ intervals }) =>
        figure(compareThirds(intervals.map((interval) => interval[column]))),
      ),
    )
}
