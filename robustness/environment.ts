import type { EtcdCluster } from '../test/support/etcd.ts'
import type { Proxy } from '../test/support/net.ts'
import type { KeyClient } from './client/key.ts'
import type { Learner } from './failpoint/learner.ts'
import type { WallClock } from './failpoint/wall-clock.ts'
import type { Report } from './report/report.ts'

/** The cluster of a campaign, the proxies in front of it, and what acts on both. */
export interface Environment {
  readonly etcd: EtcdCluster
  readonly learner: Learner
  /** The proxies that clients connect to: one for each voting member, and the last one for the learner. */
  readonly proxies: readonly Proxy[]
  readonly keyClient: KeyClient
  readonly wallClock: WallClock
  readonly report: Report
}
