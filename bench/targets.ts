import { floorWithKeepalive } from './baselines.ts'
import type { ByPeer, PeerId } from './baselines.ts'
import { periodsMs } from './results.ts'
import type { Results } from './results.ts'
import { median, quantile } from './stats.ts'

/** A figure, and what it may be at most. */
interface Promised {
  readonly what: string
  readonly figure: number
  readonly limit: number
  readonly unit: string
}

/** Every promise whose figures were measured. */
export function promises({ measured, quick }: Results): Promised[] {
  const { byAddresses, coldStart, herd, outage, recovery, reopen, waiting, wake } = measured
  const periods = periodsMs[quick ? 'quick' : 'full']
  const list: Promised[] = []
  const promise = (what: string, figure: number | undefined, limit: number, unit = '') => {
    if (figure !== undefined && !Number.isNaN(figure)) list.push({ what, figure, limit, unit })
  }
  const of = (samples: ByPeer<number[]> | undefined, id: PeerId, share = 0.5) => quantile(samples?.[id] ?? [], share)

  promise('wake: median to the floor', of(wake, 'this-package') / of(wake, 'floor'), 1.15, ' ×')
  promise('wake: p90 to the floor', of(wake, 'this-package', 0.9) / of(wake, 'floor', 0.9), 1.3, ' ×')
  promise("wake: median to K3s's loop", of(wake, 'this-package') / of(wake, 'k3s-loop'), 1 / 500, ' ×')
  if (coldStart !== undefined) {
    const { 'bare etcd3': bare, 'an empty module': empty } = coldStart
    for (const name of ['this package, the library', 'this package, the command'] as const) {
      promise(`cold start: ${name}, to bare etcd3`, median(coldStart[name].knownMs) / median(bare.knownMs), 1.1, ' ×')
    }
    promise(
      'importing the package, over an empty module',
      median(coldStart['importing this package'].knownMs) - median(empty.knownMs),
      5,
      ' ms',
    )
  }
  if (waiting !== undefined) {
    const [, second] = waiting['this-package'] ?? []
    const rpcs = ((second?.rpcs ?? NaN) * 60_000) / periods.waiting
    promise('waiting: RPCs in the second minute', rpcs, 2)
    promise(
      "waiting: RPCs to K3s's loop, second minute",
      (second?.rpcs ?? NaN) / (waiting['k3s-loop']?.[1]?.rpcs ?? NaN),
      0.2,
      ' ×',
    )
    const cpu = (id: PeerId) => waiting[id]?.reduce((sum, { cpuMs }) => sum + cpuMs, 0) ?? NaN
    promise('waiting: CPU to the floor, both minutes', cpu('this-package') / cpu('floor'), 1.5, ' ×')
    promise(
      'waiting: CPU to the floor with the same keepalive, both minutes',
      cpu('this-package') / cpu(floorWithKeepalive),
      1.5,
      ' ×',
    )
  }
  if (outage !== undefined) {
    promise('outage: connects a minute', ((outage['this-package']?.connects ?? NaN) * 60_000) / periods.outage, 45)
    promise(
      'outage: CPU to etcd3 every second',
      (outage['this-package']?.cpuMs ?? NaN) / (outage['etcd3-poll']?.cpuMs ?? NaN),
      1,
      ' ×',
    )
  }
  promise('recovery: median over the floor', of(recovery, 'this-package') - of(recovery, 'floor'), 50, ' ms')
  promise('recovery: p90 over the floor', of(recovery, 'this-package', 0.9) - of(recovery, 'floor', 0.9), 500, ' ms')
  promise('reopen: median', of(reopen, 'this-package'), 750, ' ms')
  promise('reopen: p90', of(reopen, 'this-package', 0.9), 1700, ' ms')
  promise(
    '200 waiters: last to the floor',
    median(herd?.['this-package']?.lastMs ?? []) / median(herd?.floor?.lastMs ?? []),
    1.25,
    ' ×',
  )
  const most = byAddresses?.at(-1)
  if (most !== undefined) {
    promise(`validation of ${most.size} addresses, to JSON.parse`, most.validationMs / most.jsonMs, 5, ' ×')
  }
  return list
}
